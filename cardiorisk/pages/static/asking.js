// Asking the service from a page: the key, buttons that are closed meanwhile, the calls that are
// left, and what is said of a refusal. A pasted key stays in this tab and goes to this service
// only; a session needs none.

import { by, setError } from "./dom.js";
import { isLoggedIn } from "./service.js";
import { say } from "./words.js";

const KEPT_KEY = "cardiorisk.key";
let countdown = null;

if (!isLoggedIn) by("key").value = sessionStorage.getItem(KEPT_KEY) ?? "";

// Only aria-disabled: a button that is disabled loses the focus.
const buttons = () => document.querySelectorAll("[data-asks]");
const isClosed = () => document.body.classList.contains("asking");

export function close(isNow) {
  document.body.classList.toggle("asking", isNow);
  for (const button of buttons()) button.setAttribute("aria-disabled", isNow);
}

/** Show a failure and scroll it into view. */
export function fail(text) {
  by("failure").textContent = text;
  by("failure").scrollIntoView({ block: "nearest" });
}

export function showLeft(left) {
  if (left) by("left").textContent = say("Calls left this minute: {calls}. The next minute starts in {seconds} s.", left);
}

function countDown(seconds) {
  clearInterval(countdown);
  const until = Date.now() + seconds * 1000;
  close(true);
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    by("left").textContent = left > 0 ? say("You can ask again in {seconds} s.", { seconds: left }) : say("You can ask again.");
    if (left > 0) return;
    clearInterval(countdown);
    close(false);
    by("failure").textContent = "";
    if (by("kept")) by("kept").textContent = "";
  };
  tick();
  countdown = setInterval(tick, 250);
}

/** Say why the service refused. */
export function showRefusal({ status, document: problem, retrySeconds, left }) {
  if (problem.code === "suspended") {
    fail(say("The account is suspended. Ask who runs the service."));
  } else if (problem.code === "wrong-xsrf-token") {
    fail(say("This page is of another login. Load it again."));
  } else if ([401, 403].includes(status) && isLoggedIn) {
    fail(say("Your session has ended. Load the page again and log in."));
  } else if (status === 401) {
    setError(by("key"), by("key-error"), say("The service does not know this key."));
    by("key").focus();
  } else if (status === 429) {
    const more = left?.plan === "freemium" ? ` ${say("The plan premium has more.")}` : "";
    fail(say("The calls of this minute are used up.") + more);
    countDown(retrySeconds);
  } else {
    fail(say("The service cannot answer now ({status}). Request: {id}", { status, id: problem.request_id }));
  }
}

/** Return the typed key: null where it cannot be one, empty where a session needs none. */
export function readKey() {
  if (isLoggedIn) return "";
  const key = by("key").value.trim();
  const isKey = /^[\x21-\x7e]+$/.test(key);
  const fault = key ? say("The service does not know this key.") : say("Paste a key first.");
  setError(by("key"), by("key-error"), isKey ? "" : fault);
  if (!isKey) by("key").focus();
  return isKey ? key : null;
}

/** Keep a key that the service has taken, for this tab. */
export const keepKey = (key) => key && sessionStorage.setItem(KEPT_KEY, key);

/** Ask the service, closed to more meanwhile; return its answer, null where there is none. */
export async function ask(question, refused = showRefusal) {
  if (isClosed()) return null;
  const key = readKey();
  if (key === null) return null;
  by("failure").textContent = "";
  close(true);
  try {
    const answer = await question(key);
    close(false);
    showLeft(answer.left);
    if (answer.ok) keepKey(key);
    if (!answer.ok) refused(answer, showRefusal);
    return answer;
  } catch (error) {
    close(false);
    fail(say("The service cannot be reached."));
    console.warn(error);
    return null;
  }
}
