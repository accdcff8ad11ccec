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
