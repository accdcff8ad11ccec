// Calls the API with a key or with the reader's session. The browser adds the session's cookie; the
// XSRF token shows that this page sent the request.

const token = document.querySelector("meta[name=xsrf-token]")?.content;
export const isLoggedIn = token !== undefined;

const identity = (key) => (isLoggedIn ? { "X-XSRFToken": token } : { Authorization: `Bearer ${key}` });

async function post(path, key, body, signal) {
  const response = await fetch(path, {
    method: "POST",
    headers: identity(key),
    body: JSON.stringify(body),
    signal,
  });
  return {
    ok: response.ok,
    status: response.status,
    document: await response.json(),
    left: readLimit(response.headers),
    requestId: response.headers.get("X-Request-ID"),
    retrySeconds: Number(response.headers.get("Retry-After") ?? 0),
  };
}

/** Where a tab finds the patient that another one begins it with. */
export const HANDED_OVER = "cardiorisk.patient";

/** Where a patient is assessed, with all that is shown of an answer. */
export const ASSESSING = "service?explicar=1&curvas=1&cambios=1&mapas=1";

/** By a patient, as JSON, the id of the answer about them: the service has it at hand for a while. */
const answerIds = new Map();

/** Have a patient assessed; the answer is as `post` returns it. */
export async function assess(patient, key) {
  const answer = await post(ASSESSING, key, patient);
  if (answer.ok) answerIds.set(JSON.stringify(patient), answer.requestId);
  return answer;
}

/** Have an answer kept that was just given, by a form of the page; return what came of it. */
async function keepAnswer(respuesta, nombre) {
  const [formToken, , owner] = document.querySelector("input[name=_xsrf]").value.split(".");
  const once = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"));
  const body = new URLSearchParams({ respuesta, nombre, _xsrf: `${formToken}.${once.join("")}.${owner}` });
  const response = await fetch("evaluaciones", { method: "POST", body });
  return new URL(response.url).searchParams.get("hecho");
}

/** Keep a patient under a name: the answer that was given or, where it is not at hand, another one. */
export async function keep(patient, nombre, key) {
  const id = answerIds.get(JSON.stringify(patient));
  const done = isLoggedIn && id ? await keepAnswer(id, nombre) : null;
  if (done === "guardada") return { ok: true, status: 201, document: { nombre: nombre.trim() }, left: null };
  if (done === "nombre") return { ok: false, status: 422, document: { errors: [] }, left: null };
  return post("predictions", key, { ...patient, nombre });
}

/** Have patients assessed together, each with its reasons. */
export const assessMany = (pacientes, key, signal) => post("service/lote?explicar=1", key, { pacientes }, signal);

/** Read whose key or session it is, with the plan; null where it is nobody's. */
export async function readAccount(key) {
  if (!key && !isLoggedIn) return null;
  const response = await fetch("account", { headers: identity(key) });
  return response.ok ? response.json() : null;
}

/** Read the card of the network that answers now. */
export const readCard = async () => (await fetch("model")).json().then((document) => document.card ?? document);

/** Read `"freemium";r=3;t=18` and `"freemium";q=5;w=60`: calls left, seconds to the next minute, and all its calls. */
export function readLimit(headers) {
  const found = /"(.*)";r=(\d+);t=(\d+)/.exec(headers.get("RateLimit") ?? "");
  const policy = /q=(\d+)/.exec(headers.get("RateLimit-Policy") ?? "");
  return found && { plan: found[1], calls: Number(found[2]), seconds: Number(found[3]), limit: Number(policy?.[1]) };
}
