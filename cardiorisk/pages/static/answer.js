// An answer as it is shown: the probability, why, what if, and a form to keep it.

import { ask } from "./asking.js";
import { by, make, setError } from "./dom.js";
import { curve, gauge, waterfall } from "./charts.js";
import { keep } from "./service.js";
import { FIELDS, fieldOf, onUnit, withUnit } from "./units.js";
import { inWords, language, number, percent, say } from "./words.js";

let shown = null;
const signed = (share) => `${share < 0 ? "−" : "+"}${number(Math.abs(share), 3)}`;
const named = (field, value) => `${field.label}: ${withUnit(value, field)}`;

/** Show what the service answered about a patient. */
export function showAnswer(patient, answer) {
  shown = { patient, answer };
  by("waiting").hidden = true;
  by("result").hidden = false;
  by("kept").textContent = "";
  draw();
}

/** Mark the answer as one to earlier values, where these are others. */
export function compareTo(patient) {
  if (!shown) return;
  const isStale = JSON.stringify(patient) !== JSON.stringify(shown.patient);
  by("result").classList.toggle("stale", isStale);
  by("stale").hidden = !isStale;
  by("keep").hidden = isStale;
}

function draw() {
  if (!shown) return;
  const { patient, answer } = shown;
  const [probability, threshold] = [answer.probabilidad, answer.umbral];
  const words = { probability: percent(probability), threshold: percent(threshold) };
  const verdict = answer.riesgo_cardiaco
    ? say("Yes, at risk, says the network: {probability} reaches the threshold of {threshold}.", words)
    : say("No risk, says the network: {probability} is below the threshold of {threshold}.", words);
  gauge(by("gauge"), {
    probability, threshold, isAtRisk: answer.riesgo_cardiaco, shown: percent(probability),
    thresholdShown: percent(threshold), label: verdict,
  });
  if (by("verdict").textContent !== verdict) by("verdict").textContent = verdict;
  const unusual = (answer.advertencias ?? []).map((warning) => fieldOf(warning.field).label);
  by("warnings").hidden = !unusual.length;
  by("warnings").textContent = say("Beyond all that training saw: {names}.", { names: unusual.join(", ") });
  by("sentence").textContent = inReadersUnits(answer.explicacion[language], patient);
  drawParts(answer, patient);
  drawCurves(answer, patient);
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

function drawCurves(answer, patient) {
  by("what-if").hidden = !answer.curvas;
  if (!answer.curvas) return;
  by("curves").replaceChildren();
  for (const field of FIELDS) {
    const { valores: values, probabilidades: probabilities } = answer.curvas[field.name];
    const room = make("div");
    by("curves").append(make("figure", "", make("figcaption", "", field.label), room));
    const ends = [values[0], values.at(-1)].map((end) => withUnit(end, field));
    curve(room, {
      values, probabilities, value: patient[field.name], probability: answer.probabilidad,
      threshold: answer.umbral, ends,
      label: say("{name}: from {first} at {low} to {last} at {high}", {
        name: field.label, first: percent(probabilities[0]), low: ends[0],
        last: percent(probabilities.at(-1)), high: ends[1],
      }),
    });
  }
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
addEventListener("resize", draw);
onUnit(draw);
