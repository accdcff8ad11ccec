// The page's texts in the reader's language. They are written in English, as in the templates; the
// page holds their translations in data-words.

const table = JSON.parse(document.querySelector("[data-words]").dataset.words);
export const language = document.documentElement.lang;

/** Translate a text, and put values where it names them in braces. */
export function say(text, values = {}) {
  const found = table[text] ?? text;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Write a number as the reader does, with a fixed number of decimals. */
export function number(value, decimals = 2) {
  const form = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return new Intl.NumberFormat(language, form).format(value);
}

/** Write a share of a probability with its sign. */
export const signed = (share) => `${share < 0 ? "−" : "+"}${number(Math.abs(share), 3)}`;

const SMALLEST = 0.000001;
const isExtreme = (share) => Math.min(share, 1 - share) < SMALLEST;
const extreme = (share) => share < SMALLEST ? `< ${number(SMALLEST, 6)}` : `> ${number(1 - SMALLEST, 6)}`;
const decimalsOf = (share) => Math.ceil(-Math.log10(Math.min(share, 1 - share)));

/** Write a probability in some decimals, or in as many as it takes not to be 0 or 1. */
export function inWords(share, decimals = 2) {
  return isExtreme(share) ? extreme(share) : number(share, Math.max(decimals, decimalsOf(share)));
}

/** Write it in per cent. */
export function percent(share) {
  if (isExtreme(share)) return extreme(share);
  const decimals = Number.isInteger(share * 100) ? 0 : Math.max(1, decimalsOf(share) - 2);
  return `${number(share * 100, decimals)}\u00a0%`;
}
