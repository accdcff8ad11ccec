// Asks the service as any other client does. It must not keep a key.

/** Have a patient assessed; the answer is its status, its document and what its headers say. */
export async function assess(patient, key) {
  const response = await fetch("service?explicar=1&curvas=1", {
    method: "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: JSON.stringify(patient),
  });
  return {
    ok: response.ok,
    status: response.status,
    document: await response.json(),
    left: readLimit(response.headers.get("RateLimit") ?? ""),
    retrySeconds: Number(response.headers.get("Retry-After") ?? 0),
  };
}

/** Read `"freemium";r=3;t=18`: calls that are left, and seconds until the next minute. */
function readLimit(header) {
  const found = /r=(\d+);t=(\d+)/.exec(header);
  return found && { calls: Number(found[1]), seconds: Number(found[2]) };
}
