// An answer as it is shown: the probability, why, what if, and a form to keep it.

import { ask } from "./asking.js";
import { by, make, setError } from "./dom.js";
import { gauge, waterfall } from "./charts.js";
import { drawBeside, showBeside } from "./compare.js";
import { keep } from "./service.js";
import { showSure } from "./sure.js";
import { FIELDS, fieldOf, onUnit, withUnit } from "./units.js";
import { inWords, language, percent, say, signed } from "./words.js";
import { drawWhatIf, moveBack, onMove, showWhatIf } from "./whatif.js";

let shown = null;
let moved = null; // the patient of a dot that was moved, and the probability there
let typed = null; // the patient in the form, where there is one
let tellPatient = () => {};
const moments = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
const named = (field, value) => `${field.label}: ${withUnit(value, field)}`;

/** Show what the service answered about a patient, who may have a name. */
export function showAnswer(patient, answer, { requestId, name = "" }) {
  shown = { patient, answer };
  moved = null;
  by("waiting").hidden = true;
  by("result").hidden = false;
  by("kept").textContent = "";
  by("made").textContent = say("Answered at {moment} by the network {version}; request {id}.", {
    moment: moments.format(new Date()), version: answer.modelo, id: requestId,
  });
  showWhatIf(patient, answer);
  showBeside(patient, answer, name);
  showSure(patient, answer);
  draw();
  markStale();
}

/** Mark the answer as one to earlier values, where these are others. */
export function compareTo(patient) {
  typed = patient;
  if (moved && !isSame(patient, moved.patient)) {
    moved = null;
    moveBack();
    drawGauge();
  }
  markStale();
}

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** Mark all of the answer, or, where a dot was moved, what does not follow it. */
function markStale() {
  if (!shown) return;
  const isStale = !moved && typed !== null && !isSame(typed, shown.patient);
  by("result").classList.toggle("stale", isStale);
  by("result").classList.toggle("moved", Boolean(moved));
  by("stale").hidden = !isStale;
  by("moved").hidden = !moved;
  by("keep").hidden = isStale || Boolean(moved);
}

/** Follow a dot that was moved, and have the form follow. */
onMove((patient, probability) => {
  moved = patient && { patient, probability };
  drawGauge();
  markStale();
  tellPatient(patient ?? shown.patient);
});

/** Have a function called with the patient of a dot that was moved. */
export const onPatient = (listener) => {
  tellPatient = listener;
};

function drawGauge() {
  const threshold = shown.answer.umbral;
  const probability = moved ? moved.probability : shown.answer.probabilidad;
  const isAtRisk = moved ? probability >= threshold : shown.answer.riesgo_cardiaco;
  const words = { probability: percent(probability), threshold: percent(threshold) };
  const verdict = isAtRisk
    ? say("Yes, at risk, says the network: {probability} reaches the threshold of {threshold}.", words)
    : say("No risk, says the network: {probability} is below the threshold of {threshold}.", words);
  gauge(by("gauge"), {
    probability, threshold, isAtRisk, shown: words.probability, thresholdShown: words.threshold, label: verdict,
  });
  if (by("verdict").textContent !== verdict) by("verdict").textContent = verdict;
}

function draw() {
  if (!shown) return;
  const { patient, answer } = shown;
  drawGauge();
  const unusual = (answer.advertencias ?? []).map((warning) => fieldOf(warning.field).label);
  by("warnings").hidden = !unusual.length;
  by("warnings").textContent = say("Beyond all that training saw: {names}.", { names: unusual.join(", ") });
  by("values").replaceChildren(...FIELDS.map((field) => make("div", "", make("dt", "", field.label), make("dd", "", withUnit(patient[field.name], field)))));
  by("sentence").textContent = inReadersUnits(answer.explicacion[language], patient);
  drawParts(answer, patient);
}

function drawAnew() {
  draw();
  drawWhatIf();
  drawBeside();
}

/** Put the reader's units into a sentence of the service, which has the values as it took them. */
function inReadersUnits(sentence, patient) {
  return FIELDS.filter((field) => field.kind !== "flag").reduce((text, field) => text.replace(
    new RegExp(`(^|[^\\p{L}])(${field.label}) = \\d+([.,]\\d+)?`, "u"),
    (_, before, label) => `${before}${label} = ${withUnit(patient[field.name], field)}`,
  ), sentence);
}

function drawParts(answer, patient) {
  let sum = answer.base;
  const rows = [
    { name: say("average of the reference patients"), from: 0, to: sum, kind: "total", shown: inWords(sum, 3) },
  ];
  for (const [name, part] of Object.entries(answer.contribuciones)) {
    rows.push({
      name: named(fieldOf(name), patient[name]), from: sum, to: sum + part, kind: part < 0 ? "lowers" : "raises", shown: signed(part),
    });
    sum += part;
  }
  rows.push({ name: say("this patient"), from: 0, to: sum, kind: "total", shown: inWords(answer.probabilidad, 3) });
  const label = rows.map((row) => `${row.name} ${row.shown}`).join("; ");
  waterfall(by("bars"), rows, label);
}

async function keepShown(event) {
  event.preventDefault();
  const name = by("nombre").value;
  const refused = (answer, otherwise) => {
    if (answer.status === 422) {
      setError(by("nombre"), by("nombre-error"), say("Must be 1 to 80 printable characters."));
      by("nombre").focus();
    } else {
      otherwise(answer);
      by("kept").textContent = by("failure").textContent;
    }
  };
  setError(by("nombre"), by("nombre-error"), "");
  by("kept").textContent = "";
  const answer = await ask((key) => keep(shown.patient, name, key), refused);
  if (!answer?.ok) return;
  const label = answer.document.nombre;
  by("kept").textContent = label ? say("Kept as {name}.", { name: label }) : say("Kept without a name.");
}

by("keep").addEventListener("submit", keepShown);
addEventListener("resize", drawAnew);
onUnit(() => {
  drawAnew();
  if (shown) showSure(shown.patient, shown.answer);
});
by("print").addEventListener("click", () => print());
