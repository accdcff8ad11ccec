// The page that tries a patient: connects the form, asks the service, and shows the answer.
// A pasted key stays in this tab and is sent to this service only; a session needs none.

import { curve, gauge, waterfall } from "./charts.js";
import { calls } from "./calls.js";
import "./copy.js";
import { ASSESSING, assess, isLoggedIn, keep } from "./service.js";
import { inWords, language, number, percent, say } from "./words.js";

const KEPT_KEY = "cardiorisk.key";
const by = (id) => document.getElementById(id);
const form = by("patient");
const fields = [...form.querySelectorAll(".field")];
let shown = null;
let countdown = null;

const boxOf = (field) => field.querySelector("[name]");
const sliderOf = (field) => field.querySelector("[type=range]");

function readPatient() {
  return Object.fromEntries(fields.map((field) => {
    const box = boxOf(field);
    if (box.type === "checkbox") return [box.name, Number(box.checked)];
    return [box.name, box.value === "" ? null : Number(box.value)];
  }));
}

function fillIn(patient) {
  for (const field of fields) {
    const [box, slider] = [boxOf(field), sliderOf(field)];
    if (slider) box.value = slider.value = patient[box.name];
    else box.checked = Boolean(patient[box.name]);
    setFault(field, "");
  }
  followForm();
}

/** Update the example calls, and mark the answer as stale where the form has changed since. */
function followForm() {
  writeCalls();
  if (!shown) return;
  const isStale = JSON.stringify(readPatient()) !== JSON.stringify(shown.patient);
  by("result").classList.toggle("stale", isStale);
  by("stale").hidden = !isStale;
  by("keep").hidden = isStale;
}

function writeCalls() {
  const address = new URL(ASSESSING, document.baseURI).href;
  for (const [tool, text] of Object.entries(calls(readPatient(), address))) {
    by(`call-${tool}`).textContent = text;
  }
}

function setFault(field, text) {
  setError(boxOf(field), field.querySelector(".error"), text);
}

// Only aria-disabled: a button that is disabled loses the focus.
const isClosed = () => by("assess").getAttribute("aria-disabled") === "true";

function close(isNow) {
  for (const id of ["assess", "keep-it"]) by(id).setAttribute("aria-disabled", isNow);
}

/** Show a failure and scroll it into view. */
function fail(text) {
  by("failure").textContent = text;
  by("failure").scrollIntoView({ block: "nearest" });
}

function setError(box, place, text) {
  place.textContent = text;
  place.hidden = !text;
  if (text) box.setAttribute("aria-invalid", "true");
  else box.removeAttribute("aria-invalid");
}

const signed = (share) => `${share < 0 ? "−" : "+"}${number(Math.abs(share), 3)}`;

function showAnswer({ patient, document: answer }) {
  by("waiting").hidden = true;
  by("result").hidden = false;
  const [probability, threshold] = [answer.probabilidad, answer.umbral];
  const words = { probability: percent(probability), threshold: percent(threshold) };
  const verdict = answer.riesgo_cardiaco
    ? say("Yes, at risk, says the network: {probability} reaches the threshold of {threshold}.", words)
    : say("No risk, says the network: {probability} is below the threshold of {threshold}.", words);
  gauge(by("gauge"), {
    probability, threshold, isAtRisk: answer.riesgo_cardiaco, shown: percent(probability),
    thresholdShown: percent(threshold), label: verdict,
  });
  by("verdict").textContent = verdict;
  const unusual = (answer.advertencias ?? []).map((warning) => labelOf(warning.field));
  by("warnings").hidden = !unusual.length;
  by("warnings").textContent = say("Beyond all that training saw: {names}.", { names: unusual.join(", ") });
  by("sentence").textContent = answer.explicacion[language];
  showParts(answer, patient);
  showCurves(answer, patient);
}

const labelOf = (name) => fields.find((field) => field.dataset.field === name).dataset.label;

// A unit that begins with a number, as 100 mmHg, needs a multiplication sign before it.
const withUnit = (value, unit) => `${value.toLocaleString(language)} ${/^\d/.test(unit) ? "× " : ""}${unit}`;

function withValue(name, value) {
  const { kind, unit } = fields.find((field) => field.dataset.field === name).dataset;
  const shownValue = kind === "flag" ? say(value ? "yes" : "no") : withUnit(value, unit);
  return `${labelOf(name)}: ${shownValue}`;
}

function showParts(answer, patient) {
  let sum = answer.base;
  const rows = [
    { name: say("average of the reference patients"), from: 0, to: sum, kind: "total", shown: inWords(sum, 3) },
  ];
  for (const [name, part] of Object.entries(answer.contribuciones)) {
    rows.push({ name: withValue(name, patient[name]), from: sum, to: sum + part, kind: part < 0 ? "lowers" : "raises", shown: signed(part) });
    sum += part;
  }
  rows.push({ name: say("this patient"), from: 0, to: sum, kind: "total", shown: inWords(answer.probabilidad, 3) });
  const label = rows.map((row) => `${row.name} ${row.shown}`).join("; ");
  waterfall(by("bars"), rows, label);
}

function showCurves(answer, patient) {
  by("what-if").hidden = !answer.curvas;
  if (!answer.curvas) return;
  by("curves").replaceChildren();
  for (const field of fields) {
    const { field: name, label, unit, kind } = field.dataset;
    const { valores: values, probabilidades: probabilities } = answer.curvas[name];
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = label;
    const room = document.createElement("div");
    figure.append(caption, room);
    by("curves").append(figure);
    const ends = kind === "flag" ? [say("no"), say("yes")]
      : [values[0], values.at(-1)].map((end) => withUnit(end, unit));
    curve(room, {
      values, probabilities, value: patient[name], probability: answer.probabilidad,
      threshold: answer.umbral, ends,
      label: say("{name}: from {first} at {low} to {last} at {high}", {
        name: label, first: percent(probabilities[0]), low: ends[0],
        last: percent(probabilities.at(-1)), high: ends[1],
      }),
    });
  }
}

function showLeft(left) {
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
    by("failure").textContent = by("kept").textContent = "";
  };
  tick();
  countdown = setInterval(tick, 250);
}

function showRefusal({ status, document: problem, retrySeconds }) {
  if (problem.code === "suspended") {
    fail(say("The account is suspended. Ask who runs the service."));
  } else if ([401, 403].includes(status) && isLoggedIn) {
    fail(say("Your session has ended. Load the page again and log in."));
  } else if (status === 401) {
    setError(by("key"), by("key-error"), say("The service does not know this key."));
    by("key").focus();
  } else if (status === 422) {
    const faulty = fields.filter((field) => problem.errors.some((fault) => fault.field === field.dataset.field));
    for (const field of faulty) setFault(field, field.dataset.fault);
    if (!faulty.length) return;
    fail(say("Some values cannot be accepted; they are marked above. It counted as a call."));
    boxOf(faulty[0]).focus();
  } else if (status === 429) {
    fail(say("The calls of this minute are used up."));
    countDown(retrySeconds);
  } else {
    fail(say("The service cannot answer now ({status}). Request: {id}", { status, id: problem.request_id }));
  }
}

/** Return the typed key: null where it cannot be one, empty where a session needs none. */
function readKey() {
  if (isLoggedIn) return "";
  const key = by("key").value.trim();
  const isKey = /^[\x21-\x7e]+$/.test(key);
  const fault = key ? say("The service does not know this key.") : say("Paste a key first.");
  setError(by("key"), by("key-error"), isKey ? "" : fault);
  if (!isKey) by("key").focus();
  return isKey ? key : null;
}

/** Ask the service with the form closed meanwhile; return its answer, null where there is none. */
async function ask(question) {
  if (isClosed()) return null;
  const key = readKey();
  if (key === null) return null;
  for (const field of fields) setFault(field, "");
  by("failure").textContent = "";
  form.setAttribute("aria-busy", "true");
  close(true);
  try {
    const answer = await question(key);
    close(false);
    showLeft(answer.left);
    if (answer.ok && key) sessionStorage.setItem(KEPT_KEY, key);
    if (!answer.ok) showRefusal(answer);
    return answer;
  } catch (error) {
    close(false);
    fail(say("The service cannot be reached."));
    console.warn(error);
    return null;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

async function submit(event) {
  event.preventDefault();
  const patient = readPatient();
  const answer = await ask((key) => assess(patient, key));
  if (!answer?.ok) return;
  shown = { patient, document: answer.document };
  showAnswer(shown);
  followForm();
  by("kept").textContent = "";
  const { top } = by("answer").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) by("answer").scrollIntoView();
}

async function keepShown(event) {
  event.preventDefault();
  const name = by("nombre").value;
  setError(by("nombre"), by("nombre-error"), "");
  by("kept").textContent = "";
  const answer = await ask((key) => keep(shown.patient, name, key));
  if (answer?.ok) {
    const label = answer.document.nombre;
    by("kept").textContent = label ? say("Kept as {name}.", { name: label }) : say("Kept without a name.");
  } else if (answer?.status === 422) {
    setError(by("nombre"), by("nombre-error"), say("Must be 1 to 80 printable characters."));
    by("nombre").focus();
  } else {
    by("kept").textContent = by("failure").textContent;
  }
}

for (const field of fields) {
  const [box, slider] = [boxOf(field), sliderOf(field)];
  box.addEventListener("input", () => {
    if (slider) slider.value = box.value;
    setFault(field, "");
    followForm();
  });
  slider?.addEventListener("input", () => {
    box.value = slider.value;
    setFault(field, "");
    followForm();
  });
  // A browser that writes 1.2 drops a comma that is typed into a number field.
  box.addEventListener("beforeinput", (event) => {
    if (!slider || event.data !== ",") return;
    event.preventDefault();
    document.execCommand("insertText", false, ".");
  });
}
for (const button of form.querySelectorAll("[data-patient]")) {
  button.addEventListener("click", () => fillIn(JSON.parse(button.dataset.patient)));
}
form.addEventListener("submit", submit);
by("keep").addEventListener("submit", keepShown);
addEventListener("resize", () => shown && showAnswer(shown));
by("scriptless").hidden = true;
by("assess").disabled = false;
for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
if (!isLoggedIn) by("key").value = sessionStorage.getItem(KEPT_KEY) ?? "";
writeCalls();
