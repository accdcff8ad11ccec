// The patient's fields, and the one place where values change units. A value is kept as the service
// takes it; what a reader sees is made from it, and is never read back.

import { language, say } from "./words.js";

export const FIELDS = JSON.parse(document.querySelector("[data-fields]").dataset.fields);
export const fieldOf = (name) => FIELDS.find((field) => field.name === name);

const KEPT_UNITS = "cardiorisk.units";
const DECIMALS = { "mg/dL": 1, mmHg: 1, "mmol/L": 2 };
const MOST_DECIMALS = 4;
const chosen = readChosen();
const listeners = [];

function readChosen() {
  try {
    return { ...JSON.parse(localStorage.getItem(KEPT_UNITS)) };
  } catch {
    return {}; // forbidden, or not ours
  }
}

/** Units that people know for a field, the usual one first. "100 mmHg" is none. */
export const unitsOf = (field) => [...Object.keys(field.units), field.unit].filter((unit) => /^\D/.test(unit));

export function unitOf(field) {
  const units = unitsOf(field);
  return units.includes(chosen[field.name]) ? chosen[field.name] : units[0] ?? "";
}

/** Show a field in another unit from now on, where people know it; on every page if it is kept. */
export function chooseUnit(field, unit, isKept = true) {
  if (unit === unitOf(field) || !unitsOf(field).includes(unit)) return;
  chosen[field.name] = unit;
  if (isKept) keepChosen(field.name, unit);
  for (const listener of listeners) listener(field);
}

function keepChosen(name, unit) {
  try {
    localStorage.setItem(KEPT_UNITS, JSON.stringify({ ...readChosen(), [name]: unit }));
  } catch { /* then it holds for this page alone */ }
}

/** Have a function called with each field whose unit was changed. */
export const onUnit = (listener) => listeners.push(listener);

/** Read a number as people write it, with a decimal comma or point; NaN where a text is none. */
export function parse(text) {
  const plain = text.trim().replace(",", ".").replace("\u2212", "-");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : NaN;
}

const ofUnit = (field, unit) => field.units[unit] ?? 1;

/** Turn a number in a unit into the service's; 15 digits leave out what a division adds. */
export const toService = (number, field, unit) => Number((number / ofUnit(field, unit)).toPrecision(15));

/** Write a value of the service in the reader's unit, without the unit. */
export function inUnit(value, field, unit = unitOf(field)) {
  const form = { maximumFractionDigits: DECIMALS[unit] ?? MOST_DECIMALS, useGrouping: false };
  return (value * ofUnit(field, unit)).toLocaleString(language, form);
}

/** Write a value with its unit, or a flag in words. */
export function withUnit(value, field, unit = unitOf(field)) {
  return field.kind === "flag" ? (value ? say("yes") : say("no")) : multiplied(inUnit(value, field, unit), unit);
}

export const accepts = (field, value) =>
  field.minimum <= value && value <= field.maximum && (field.kind === "number" || Number.isInteger(value));

/** The least and the largest number that is accepted, rounded to where it still is. */
export function bounds(field, unit = unitOf(field)) {
  const scale = 10 ** (DECIMALS[unit] ?? MOST_DECIMALS);
  const inside = (value, round) => round(Number((value * ofUnit(field, unit) * scale).toPrecision(12))) / scale;
  return [inside(field.minimum, Math.ceil), inside(field.maximum, Math.floor)].map((edge) => edge.toLocaleString(language));
}

/** A number with its unit; one that begins with a number itself, as 100 mmHg, takes a sign before it. */
const multiplied = (number, unit) => `${number} ${/^\d/.test(unit) ? "\u00d7 " : ""}${unit}`;

/** Say what a field accepts. */
export function rule(field, unit = unitOf(field)) {
  const [minimum, most] = bounds(field, unit);
  const words = { minimum, maximum: multiplied(most, unit) };
  return field.kind === "integer" ? say("Must be an integer from {minimum} to {maximum}", words) : say("Must be a number from {minimum} to {maximum}", words);
}

/** Units in which a number would be accepted; people also type what the service takes. */
export const unitsThatFit = (field, number) =>
  [...new Set([...unitsOf(field), field.unit])].filter((unit) => accepts(field, toService(number, field, unit)));
