// The table of patients who were assessed: sorted, filtered, in pages, as a picture and as a file.

import { columns } from "./charts.js";
import { writeTable } from "./csv.js";
import { by, make } from "./dom.js";
import { FIELDS, fieldOf, inUnit, onUnit, unitOf } from "./units.js";
import { language, number, percent, say } from "./words.js";

const SHOWN = 200;
const BINS = 20;
const whole = new Intl.NumberFormat(language);
const state = { patients: [], table: null, open: null, order: "number", isFalling: false, page: 0 };

const isAssessed = (row) => row.answer?.probabilidad !== undefined;
const isAtRisk = (row) => row.answer?.riesgo_cardiaco === true;
const FILTERS = {
  "": () => true,
  risk: isAtRisk,
  none: (row) => isAssessed(row) && !isAtRisk(row),
  faulty: (row) => !row.patient || Boolean(row.answer?.errors),
  waiting: (row) => row.patient && !row.answer,
};

/** The reason that moved an answer most, and by how much; null where there is none. */
function strongest(row) {
  const parts = Object.entries(row.answer?.contribuciones ?? {});
  if (!parts.length) return null;
  return parts.reduce((best, part) => (Math.abs(part[1]) > Math.abs(best[1]) ? part : best));
}

function reason(row) {
  const found = strongest(row);
  return found ? `${fieldOf(found[0]).label} ${found[1] < 0 ? "−" : "+"}${number(Math.abs(found[1]))}` : "";
}

const faultsOf = (row) => row.answer?.errors?.map((fault) => `${fieldOf(fault.field)?.label ?? fault.field}: ${fault.detail}`)
  ?? Object.entries(row.faults).map(([name, fault]) => `${fieldOf(name).label}: ${fault}`);

/** What rows are sorted by. */
const KEYS = {
  number: (row) => row.number,
  label: (row) => row.label.toLowerCase(),
  probability: (row) => row.answer?.probabilidad ?? -1,
  risk: (row) => (isAssessed(row) ? Number(isAtRisk(row)) : -1),
  reason: (row) => reason(row),
  ...Object.fromEntries(FIELDS.map(({ name }) => [name, (row) => row.patient?.[name] ?? Infinity])),
};
const NUMERIC = new Set(["probability", ...FIELDS.map((field) => field.name)]);

const heading = (key) => ({ number: say("Row"), label: say("Name"), probability: say("Probability"), risk: say("Risk"), reason: say("Strongest reason") })[key]
  ?? `${fieldOf(key).label}${unitOf(fieldOf(key)) && ` (${unitOf(fieldOf(key))})`}`;

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function chosen() {
  const [wanted, fits] = [plain(by("search").value.trim()), FILTERS[by("only").value]];
  const key = KEYS[state.order];
  const rows = state.patients.filter((row) => fits(row) && (!wanted || plain(`${row.number} ${row.label} ${reason(row)}`).includes(wanted)));
  const keyed = rows.map((row) => [key(row), row]);
  const compare = ([a], [b]) => (typeof a === "string" ? a.localeCompare(b, language) : a - b) || 0;
  keyed.sort((a, b) => (state.isFalling ? compare(b, a) : compare(a, b)) || a[1].number - b[1].number);
  return keyed.map(([, row]) => row);
}

/** Show what has been answered by now; `open` shows one row as an answer. */
export function showResults(patients, table, open) {
  if (state.patients !== patients) Object.assign(state, { patients, table, open, order: "number", isFalling: false, page: 0 });
  draw();
}

function draw() {
  if (!state.table) return;
  const rows = chosen();
  const pages = Math.max(1, Math.ceil(rows.length / SHOWN));
  state.page = Math.min(state.page, pages - 1);
  const first = state.page * SHOWN;
  drawHeading();
  by("results").tBodies[0].replaceChildren(...rows.slice(first, first + SHOWN).map(line));
  by("page").textContent = say("{first} to {last} of {all}", {
    first: whole.format(Math.min(first + 1, rows.length)), last: whole.format(Math.min(first + SHOWN, rows.length)), all: whole.format(rows.length),
  });
  by("earlier").disabled = state.page === 0;
  by("later").disabled = state.page === pages - 1;
  drawSpread();
}

function drawHeading() {
  const head = by("results").tHead;
  const isFocused = head.contains(document.activeElement);
  head.replaceChildren(make("tr", "", ...Object.keys(KEYS).map((key) => {
    const button = make("button", "sort", heading(key));
    button.type = "button";
    button.addEventListener("click", () => {
      state.isFalling = state.order === key ? !state.isFalling : key === "probability" || key === "risk";
      Object.assign(state, { order: key, page: 0 });
      draw();
    });
    const cell = make("th", NUMERIC.has(key) ? "number" : "", button);
    cell.scope = "col";
    if (state.order === key) cell.ariaSort = state.isFalling ? "descending" : "ascending";
    return cell;
  })));
  if (isFocused) head.querySelector("[aria-sort] button").focus();
}

function line(row) {
  const open = make("button", "quiet", whole.format(row.number));
  Object.assign(open, { type: "button", disabled: !row.patient, ariaLabel: say("Open row {number}", row) });
  open.dataset.row = row.number;
  open.addEventListener("click", () => state.open(row));
  const first = make("th", "", open);
  first.scope = "row";
  const values = FIELDS.map((field) => {
    const value = row.patient?.[field.name];
    if (value === undefined) return make("td", row.faults[field.name] ? "number faulty" : "number", row.cells[state.table.mapping.columns[field.name].place] ?? "");
    return make("td", "number", field.kind === "flag" ? (value ? say("yes") : say("no")) : inUnit(value, field));
  });
  const cells = [make("td", "name", row.label)];
  if (isAssessed(row)) {
    cells.push(make("td", "number", percent(row.answer.probabilidad)), make("td", isAtRisk(row) ? "at-risk" : "", isAtRisk(row) ? say("yes") : say("no")), make("td", "name", reason(row)));
  } else {
    const told = make("td", row.patient && !row.answer ? "" : "faulty", row.patient && !row.answer ? "…" : faultsOf(row).join("; "));
    told.colSpan = 3;
    cells.push(told);
  }
  return make("tr", "", first, ...cells, ...values);
}

/** Draw how the probabilities spread, those at risk in their colour. */
function drawSpread() {
  const answered = state.patients.filter(isAssessed);
  const risky = answered.filter(isAtRisk).length;
  const bins = Array.from({ length: BINS }, () => [0, 0]);
  for (const row of answered) bins[Math.min(BINS - 1, Math.floor(row.answer.probabilidad * BINS))][Number(isAtRisk(row))]++;
  by("counted").textContent = say("The network calls {risky} of {all} at risk.", { risky: whole.format(risky), all: whole.format(answered.length) });
  columns(by("spread"), {
    rows: bins, kinds: ["lowers", "raises"], ends: ["0 %", "100 %"],
    titles: bins.map(([no, yes], place) => `${(place * 100) / BINS}–${((place + 1) * 100) / BINS} %: ${no + yes}`),
    label: say("Patients by their probability; {risky} of {all} at risk", { risky, all: answered.length }),
  });
}

/** Write the table as it was given, with what was answered. */
function download(language) {
  const heading = [...state.table.heading, "probabilidad", "riesgo_cardiaco", "motivo", "error"];
  const rows = state.patients.map((row) => {
    const cells = state.table.heading.map((_, place) => row.cells[place] ?? "");
    if (isAssessed(row)) return [...cells, row.answer.probabilidad, Number(isAtRisk(row)), reason(row), ""];
    return [...cells, "", "", "", faultsOf(row).join("; ")];
  });
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([writeTable([heading, ...rows], language)], { type: "text/csv" }));
  link.download = "pacientes.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

for (const id of ["search", "only"]) {
  by(id).addEventListener("input", () => {
    state.page = 0;
    draw();
  });
}
for (const [id, step] of [["earlier", -1], ["later", 1]]) {
  by(id).addEventListener("click", () => {
    state.page += step;
    draw();
    by("results").closest(".scroll").scrollTop = 0;
  });
}
for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", () => download(button.dataset.download));
}
addEventListener("resize", () => state.table && drawSpread());
onUnit(draw);
