// Two answers side by side: A, which was kept, and B, the one that is shown; and the difference
// taken apart by what each value moved in either.

import { gauge, waterfall } from "./charts.js";
import { by, make } from "./dom.js";
import { FIELDS, withUnit } from "./units.js";
import { inWords, percent, say, signed } from "./words.js";

let kept = null;
let current = null;

/** Show an answer beside the kept one, where there is one. */
export function showBeside(patient, answer, name) {
  current = { patient, answer, name };
  by("keep-a").hidden = kept !== null;
  drawBeside();
}

export function drawBeside() {
  const isShown = kept !== null && current !== null && current.answer !== kept.answer;
  by("beside").hidden = kept === null;
  by("beside-hint").hidden = isShown;
  by("beside-drawn").hidden = !isShown;
  if (isShown) draw();
}

function draw() {
  for (const [letter, { answer, name }] of [["a", kept], ["b", current]]) {
    const { probabilidad: probability, umbral: threshold, riesgo_cardiaco: isAtRisk } = answer;
    by(`name-${letter}`).textContent = `${letter.toUpperCase()}${name ? ` · ${name}` : ""}`;
    gauge(by(`gauge-${letter}`), {
      probability, threshold, isAtRisk, shown: percent(probability), thresholdShown: percent(threshold),
      label: `${letter.toUpperCase()}: ${percent(probability)}`,
    });
  }
  const changed = FIELDS.filter(({ name }) => kept.patient[name] !== current.patient[name]);
  by("changed").replaceChildren(...changed.map((field) => make("li", "", say("{name}: {earlier} in A, {value} in B", {
    name: field.label, earlier: withUnit(kept.patient[field.name], field), value: withUnit(current.patient[field.name], field),
  }))));
  const isSame = kept.answer.modelo === current.answer.modelo;
  by("difference").hidden = !isSame;
  by("beside-other").hidden = isSame;
  if (isSame) drawDifference();
}

function drawDifference() {
  let sum = kept.answer.probabilidad;
  const rows = [{ name: "A", from: 0, to: sum, kind: "total", shown: inWords(sum, 3) }];
  for (const { name, label } of FIELDS) {
    const part = current.answer.contribuciones[name] - kept.answer.contribuciones[name];
    rows.push({ name: label, from: sum, to: sum + part, kind: part < 0 ? "lowers" : "raises", shown: signed(part) });
    sum += part;
  }
  rows.push({ name: "B", from: 0, to: sum, kind: "total", shown: inWords(current.answer.probabilidad, 3) });
  waterfall(by("difference"), rows, rows.map((row) => `${row.name} ${row.shown}`).join("; "));
}

by("keep-a").addEventListener("click", () => {
  kept = current;
  by("keep-a").hidden = true;
  drawBeside();
  by("forget-a").focus();
});
by("forget-a").addEventListener("click", () => {
  kept = null;
  by("keep-a").hidden = false;
  drawBeside();
  by("keep-a").focus();
});
