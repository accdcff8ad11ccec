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

/** Have a patient assessed; the answer is as `post` returns it. */
export const assess = (patient, key) => post(ASSESSING, key, patient);

/** Have a patient assessed and kept under a name. */
export const keep = (patient, nombre, key) => post("predictions", key, { ...patient, nombre });

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
