// What would change an answer: the smallest changes, a curve for each value, whose dot can be moved,
// and maps of two values. All of it comes with the answer; nothing here asks the service.

import { curve, heat, spots } from "./charts.js";
import { by, make } from "./dom.js";
import { FIELDS, fieldOf, withUnit } from "./units.js";
import { language, percent, say } from "./words.js";

const list = new Intl.ListFormat(language);
let shown = null;
let moved = null; // the field whose dot was moved, and where on its curve it is
let tellMove = () => {};

/** Have a function called with the patient of a moved dot and the probability there; null: moved back. */
export const onMove = (listener) => {
  tellMove = listener;
};

/** Show what would change this answer. */
export function showWhatIf(patient, answer) {
  shown = { patient, answer };
  moved = null;
  offerMaps();
  drawWhatIf();
}

/** Draw it anew, where units or the width have changed. */
export function drawWhatIf() {
  if (!shown) return;
  by("what-if").hidden = !shown.answer.curvas;
  drawChanges();
  if (!shown.answer.curvas) return;
  for (const field of FIELDS) roomOf(field);
  drawCurves();
  drawMap();
}

/** Put the moved dot back. */
export function moveBack() {
  moved = null;
  drawCurves();
  drawMap();
}

const isRisk = (probability) => probability >= shown.answer.umbral;

function drawChanges() {
  const { patient, answer } = shown;
  const { cambios: changes } = answer;
  by("changes").hidden = !changes;
  if (!changes) return;
  const sentences = changes.map(({ campos, probabilidad, riesgo_cardiaco: risk }) => {
    const parts = Object.entries(campos).map(([name, value]) => say("{name} {value} instead of {earlier}", {
      name: fieldOf(name).label, value: withUnit(value, fieldOf(name)), earlier: withUnit(patient[name], fieldOf(name)),
    }));
    const words = { changes: list.format(parts), probability: percent(probabilidad) };
    return risk ? say("With {changes} the network would answer yes: {probability}.", words) : say("With {changes} the network would answer no: {probability}.", words);
  });
  if (!sentences.length) sentences.push(say("With this age, no change of the other five values would."));
  by("changes-list").replaceChildren(...sentences.map((sentence) => make("li", "", sentence)));
}

/** Values whose curve reaches the other side of the threshold. */
const crossing = () => FIELDS.filter(({ name }) => {
  const sides = shown.answer.curvas[name].probabilidades.map(isRisk);
  return sides.includes(true) && sides.includes(false);
});

const curveOf = (name) => shown.answer.curvas[name];

/** Probabilities over two fields' grids, one list for each value of the first. */
function mapOf(first, second) {
  const maps = shown.answer.mapas;
  const map = maps?.[first]?.[second];
  if (map) return map;
  const turned = maps?.[second]?.[first];
  return turned && turned[0].map((_, place) => turned.map((row) => row[place]));
}

function drawCurves() {
  const alone = crossing().map((field) => field.label);
  by("crossing").textContent = alone.length
    ? say("Alone, these cross the threshold: {names}.", { names: list.format(alone) })
    : shown.answer.cambios?.length
      ? say("No curve crosses the threshold: more than one thing holds the answer where it is, and no value changes it alone.")
      : say("No curve crosses the threshold: no value changes the answer alone.");
  by("move-back").hidden = !moved;
  for (const field of FIELDS) drawCurve(field);
}

/** Return a field's room for a curve; over it lies a slider that cannot be seen, whose thumb is the dot. */
function roomOf(field) {
  const found = by(`curve-${field.name}`);
  if (found) return found;
  const plot = make("div", "plot");
  plot.id = `curve-${field.name}`;
  const grip = make("input", "grip");
  Object.assign(grip, { type: "range", min: 0, step: 1, ariaLabel: say("{name}: what if", { name: field.label }) });
  let before = null;
  grip.addEventListener("pointerdown", () => {
    before = moved;
  });
  grip.addEventListener("pointercancel", () => moveTo(before)); // a finger that scrolls the page
  grip.addEventListener("input", () => moveTo({ name: field.name, place: Number(grip.value) }));
  by("curves").append(make("figure", "", make("figcaption", "", field.label), make("div", "room", grip, plot)));
  return plot;
}

function moveTo(there) {
  moved = there;
  drawCurves();
  drawMap();
  if (!moved) return tellMove(null);
  const { valores, probabilidades } = curveOf(moved.name);
  tellMove({ ...shown.patient, [moved.name]: valores[moved.place] }, probabilidades[moved.place]);
}

function drawCurve(field) {
  const { patient, answer } = shown;
  const { valores: values, probabilidades: own } = curveOf(field.name);
  const isMoved = moved?.name === field.name;
  const probabilities = moved && !isMoved ? mapOf(moved.name, field.name)[moved.place] : own;
  const value = isMoved ? values[moved.place] : patient[field.name];
  const probability = moved ? curveOf(moved.name).probabilidades[moved.place] : answer.probabilidad;
  const ends = [values[0], values.at(-1)].map((end) => withUnit(end, field));
  const plot = roomOf(field);
  const label = say("{name}: from {first} at {low} to {last} at {high}", {
    name: field.label, first: percent(probabilities[0]), low: ends[0], last: percent(probabilities.at(-1)), high: ends[1],
  });
  const drawn = { values, probabilities, value, probability, threshold: answer.umbral, ends, label };
  if (field.kind === "flag") spots(plot, { ...drawn, shown: probabilities.map(percent) });
  else curve(plot, drawn);
  const grip = plot.previousSibling;
  const distances = values.map((each) => Math.abs(each - value));
  grip.disabled = !answer.mapas;
  grip.max = values.length - 1;
  grip.value = distances.indexOf(Math.min(...distances));
  grip.setAttribute("aria-valuetext", `${withUnit(value, field)}: ${percent(probability)}`);
}

/** Offer two fields for a map, at first the two that moved the answer most. */
function offerMaps() {
  by("map-part").hidden = !shown.answer.mapas;
  if (!shown.answer.mapas) return;
  const strongest = FIELDS.filter((field) => field.kind !== "flag")
    .sort((a, b) => Math.abs(shown.answer.contribuciones[b.name]) - Math.abs(shown.answer.contribuciones[a.name]));
  ["map-x", "map-y"].forEach((id, place) => {
    const kept = by(id).value;
    by(id).replaceChildren(...FIELDS.map((field) => new Option(field.label, field.name)));
    by(id).value = kept || strongest[place].name;
  });
}

function drawMap() {
  if (!shown.answer.mapas) return;
  const [across, up] = [fieldOf(by("map-x").value), fieldOf(by("map-y").value)];
  by("map").hidden = across === up;
  if (across === up) return;
  const probabilities = mapOf(up.name, across.name);
  const here = moved ? { ...shown.patient, [moved.name]: curveOf(moved.name).valores[moved.place] } : shown.patient;
  by("map-part").classList.toggle("fixed", Boolean(moved) && ![across.name, up.name].includes(moved.name));
  const all = probabilities.flat();
  const ends = (field) => [curveOf(field.name).valores[0], curveOf(field.name).valores.at(-1)].map((end) => withUnit(end, field));
  heat(by("map"), {
    probabilities, threshold: shown.answer.umbral,
    across: { values: curveOf(across.name).valores, value: here[across.name], ends: ends(across) },
    up: { values: curveOf(up.name).valores, value: here[up.name], ends: ends(up) },
    label: say("{up} over {across}: at risk in {share} of the map", {
      up: up.label, across: across.label, share: percent(all.filter(isRisk).length / all.length),
    }),
  });
}

for (const id of ["map-x", "map-y"]) by(id).addEventListener("change", drawMap);
by("move-back").addEventListener("click", () => {
  moveBack();
  tellMove(null);
  by("curves").querySelector(".grip").focus();
});
