// A new key's first call: from this page by a button, or from anywhere, told as soon as it has come.

import "./copy.js";
import { by } from "./dom.js";
import { isLoggedIn, readLimit } from "./service.js";
import { number, say } from "./words.js";

const EVERY_MS = 2000;
const LONGEST_MS = 600_000;
const said = by("first-answer");
const key = by("new-key").textContent;
const began = Date.now();
let isOver = false;

function tell(text, isLive = false) {
  said.textContent = text;
  said.classList.toggle("is-live", isLive);
}

function tellCall(status, ms) {
  isOver = true;
  tell(say("Its first call has come: {status}, {ms} ms.", { status, ms: number(ms ?? 0, 1) }), true);
}

/** Count the seconds down until the next minute begins. */
function countDown(until, text) {
  const left = Math.ceil((until - Date.now()) / 1000);
  by("try").disabled = left > 0;
  if (left <= 0) return tell(say("You can ask again."));
  tell(`${text} ${say("You can ask again in {seconds} s.", { seconds: left })}`);
  return setTimeout(countDown, 250, until, text);
}

async function tryIt() {
  by("try").disabled = true;
  try {
    const headers = { Authorization: key };
    const answer = await fetch("service", { method: "POST", headers, body: said.dataset.patient });
    if (answer.status === 429) {
      isOver = true;
      const used = say("429: the calls of this minute are used up.");
      const more = readLimit(answer.headers)?.plan === "freemium" ? ` ${say("The plan premium has more.")}` : "";
      return countDown(Date.now() + 1000 * Number(answer.headers.get("Retry-After")), used + more);
    }
    const total = /total;dur=([\d.]+)/.exec(answer.headers.get("Server-Timing") ?? "");
    tellCall(answer.status, Number(total?.[1]));
  } catch {
    tell(say("The service cannot be reached."));
  }
  by("try").disabled = false;
}

/** Ask until its first call has come from elsewhere; a hidden tab does not ask. */
async function watch() {
  if (isOver || Date.now() - began > LONGEST_MS) return;
  if (!document.hidden) {
    const answer = await fetch(`claves/uso?clave=${said.dataset.keyId}`).catch(() => null);
    if (isOver || answer?.redirected) return;
    const call = answer?.ok ? (await answer.json()).llamada : null;
    if (call && !isOver) return tellCall(call.estado, call.ms);
  }
  setTimeout(watch, EVERY_MS);
}

// The address as this browser sees it, behind whatever proxies.
const address = new URL("service", document.baseURI).href;
by("first-call").textContent = by("first-call").textContent.replace(/^curl \S+/, `curl ${address}`);
for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
by("try").addEventListener("click", tryIt);
if (isLoggedIn) {
  tell(say("Waiting for its first call…"));
  watch();
}
