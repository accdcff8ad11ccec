// Calls the API with a key or with the reader's session. The browser adds the session's cookie; the
// XSRF token shows that this page sent the request.

const token = document.querySelector("meta[name=xsrf-token]")?.content;
export const isLoggedIn = token !== undefined;

const identity = (key) => (isLoggedIn ? { "X-XSRFToken": token } : { Authorization: `Bearer ${key}` });

async function post(path, key, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: identity(key),
    body: JSON.stringify(body),
  });
  return {
    ok: response.ok,
    status: response.status,
    document: await response.json(),
    left: readLimit(response.headers.get("RateLimit") ?? ""),
    retrySeconds: Number(response.headers.get("Retry-After") ?? 0),
  };
}

/** Where a patient is assessed, with the explanation and the curves. */
export const ASSESSING = "service?explicar=1&curvas=1";

/** Have a patient assessed; the answer is as `post` returns it. */
export const assess = (patient, key) => post(ASSESSING, key, patient);

/** Have a patient assessed and kept under a name. */
export const keep = (patient, nombre, key) => post("predictions", key, { ...patient, nombre });

/** Read `"freemium";r=3;t=18`: calls that are left, and seconds until the next minute. */
function readLimit(header) {
  const found = /r=(\d+);t=(\d+)/.exec(header);
  return found && { calls: Number(found[1]), seconds: Number(found[2]) };
}
