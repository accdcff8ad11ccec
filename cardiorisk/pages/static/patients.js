// A table of patients: which column is which value, in which unit, and what is wrong with its cells.

import { FIELDS, accepts, parse, rule, toService, unitOf, unitsOf } from "./units.js";
import { say } from "./words.js";

const LOOKED_AT = 200;
const FLAGS = { true: 1, verdadero: 1, si: 1, s: 1, yes: 1, y: 1, x: 1, false: 0, falso: 0, no: 0, n: 0 };
const LABELS = JSON.parse(document.querySelector("[data-labels]").dataset.labels);

/** What a name is known by: no case, accents, blanks or punctuation. */
const folded = (name) => name.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/** Units that a column may be in; people also have what the service takes. */
export const unitsOfColumn = (field) => [...new Set([...unitsOf(field), field.unit])].filter(Boolean);

/** A heading without its unit, and the unit, as in "Glucosa (mg/dL)" or "PAS mmHg"; "Años" is both. */
function split(heading, field) {
  const unit = unitsOfColumn(field).find((each) => heading.toLowerCase().includes(each.toLowerCase()));
  const name = heading.replace(/[([].*$/, "");
  return { name: folded(unit ? name.replace(new RegExp(unit, "i"), "") : name) || folded(name), unit };
}

/** Find the heading of a table: its first row, unless that has values. */
export function headed(rows) {
  const [first, ...rest] = rows;
  const hasHeading = !first.some((cell) => !Number.isNaN(parse(cell)));
  return hasHeading ? { heading: first, rows: rest } : { heading: first.map((_, place) => say("Column {number}", { number: place + 1 })), rows };
}

/** Guess which column each field is, -1 where there is none, and the unit that fits most cells. */
export function guess(heading, rows) {
  const columns = {};
  for (const field of FIELDS) {
    const place = heading.findIndex((name) => field.names.includes(split(name, field).name));
    columns[field.name] = { place, unit: unitOfCells(field, heading[place] ?? "", rows, place) };
  }
  const label = heading.findIndex((name) => LABELS.includes(folded(name)) || folded(name) === "id");
  return { columns, label };
}

/** The unit that a heading tells, else the one that fits most of the first cells. */
export function unitOfCells(field, name, rows, place) {
  const told = split(name, field).unit;
  if (told && field.kind === "number") return told;
  const numbers = rows.slice(0, LOOKED_AT).map((row) => parse(row[place] ?? ""));
  const fitting = (unit) => numbers.filter((number) => accepts(field, toService(number, field, unit))).length;
  return [unitOf(field), ...unitsOfColumn(field)].reduce((best, unit) => (fitting(unit) > fitting(best) ? unit : best));
}

/** Read a cell; NaN where it is no value that is accepted. */
function valueOf(field, cell, unit) {
  const number = field.kind === "flag" ? FLAGS[folded(cell)] ?? parse(cell) : toService(parse(cell), field, unit);
  return accepts(field, number) ? number : NaN;
}

/** Read a row: the patient as the service takes one, or what is wrong, by field. */
export function readRow(row, { columns, label }, number) {
  const patient = {};
  const faults = {};
  for (const field of FIELDS) {
    const { place, unit } = columns[field.name];
    const cell = row[place] ?? "";
    const value = valueOf(field, cell, unit);
    if (Number.isNaN(value)) faults[field.name] = cell ? faultOf(field, unit) : say("It is missing");
    else patient[field.name] = value;
  }
  const isFaulty = Object.keys(faults).length > 0;
  return { number, cells: row, label: row[label] ?? "", patient: isFaulty ? null : patient, faults, answer: null };
}

const faultOf = (field, unit) => (field.kind === "flag" ? say("Must be yes or no, 1 or 0") : rule(field, unit));
