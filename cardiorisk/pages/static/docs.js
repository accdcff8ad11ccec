"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

let token = "";

/** Find out who has logged in in this browser, from a page that says so, and speak for them. */
async function useSession() {
  const answer = await fetch("lote", { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  token = page.querySelector("meta[name=xsrf-token]")?.content ?? "";
  if (!token) return;
  const name = page.querySelector(".who").title;
  document.getElementById("session").textContent = `Logged in as ${name}: what you try is sent by your session, unless you authorize a key.`;
}

/** Put the focus into a dialog's first field; each of them asks for it, and the last one has it. */
function focusFirst(records) {
  const added = records.flatMap((record) => [...record.addedNodes]);
  const dialog = added.map((node) => node.querySelector?.(".modal-ux") ?? null).find(Boolean);
  if (!dialog) return;
  setTimeout(() => {
    dialog.querySelector("input")?.focus({ preventScroll: true });
    dialog.querySelector(".modal-ux-content").scrollTop = 0;
  });
}

// Credentials stay in the page's memory: a reload forgets them. The badge of the public validator
// is off, because nothing may be asked of another host.
SwaggerUIBundle({
  url: "./openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor(request) {
    const isOurs = new URL(request.url, document.baseURI).origin === location.origin;
    if (token && isOurs && !request.headers.Authorization) request.headers["X-XSRFToken"] = token;
    return request;
  },
});
new MutationObserver(focusFirst).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
useSession().catch(() => {});
