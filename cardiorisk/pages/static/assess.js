// The page that tries a patient: connects the form, asks the service, and shows the answer.

import { compareTo, onPatient, showAnswer } from "./answer.js";
import { ask, fail } from "./asking.js";
import { calls } from "./calls.js";
import "./copy.js";
import { by } from "./dom.js";
import { checkPatient, entries, fillIn, form, onChange, readPatient } from "./form.js";
import { ASSESSING, HANDED_OVER, assess } from "./service.js";
import { rule } from "./units.js";
import { say } from "./words.js";

function writeCalls() {
  const address = new URL(ASSESSING, document.baseURI).href;
  for (const [tool, text] of Object.entries(calls(readPatient(), address))) {
    by(`call-${tool}`).textContent = text;
  }
}

function follow() {
  writeCalls();
  compareTo(readPatient());
}

/** Mark what the service refused and the page did not, which then know different rules. */
function showFaults(answer, otherwise) {
  const faults = answer.document.errors?.map((fault) => fault.field) ?? [];
  const faulty = entries.filter((entry) => faults.includes(entry.field.name));
  if (answer.status !== 422 || !faulty.length) return otherwise(answer);
  for (const entry of faulty) entry.refuse(rule(entry.field));
  fail(say("Some values cannot be accepted; they are marked above. It counted as a call."));
  faulty[0].box.focus();
}

async function submit(event) {
  event.preventDefault();
  if (!checkPatient()) {
    by("failure").textContent = say("Some values cannot be accepted; they are marked above. Nothing was sent.");
    return;
  }
  const patient = readPatient();
  form.setAttribute("aria-busy", "true");
  const answer = await ask((key) => assess(patient, key), showFaults);
  form.removeAttribute("aria-busy");
  if (!answer?.ok) return;
  showAnswer(patient, answer.document, answer);
  follow();
  const { top } = by("answer").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) by("answer").scrollIntoView();
}

for (const button of form.querySelectorAll("[data-patient]")) {
  button.addEventListener("click", () => fillIn(JSON.parse(button.dataset.patient)));
}
form.addEventListener("submit", submit);
onChange(follow);
onPatient(fillIn);
by("scriptless").hidden = true;
by("assess").disabled = false;
for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
const handed = sessionStorage.getItem(HANDED_OVER);
sessionStorage.removeItem(HANDED_OVER);
if (handed) fillIn(JSON.parse(handed));
writeCalls();
