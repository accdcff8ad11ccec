// Tables as people have them: read from a file or from a spreadsheet's cells, and written for one.

const MOST_IN_A_CELL = 300;
const MOST_COLUMNS = 200;
const SEPARATORS = [";", "\t", ",", "|"];
export const MOST_BYTES = 8 * 1024 * 1024;
export const MOST_ROWS = 20000;

/** Read a file's text: UTF-8, UTF-16 with its mark, else what Windows writes in western Europe. */
export async function readText(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) throw new Error("excel");
  const utf16 = { "255,254": "utf-16le", "254,255": "utf-16be" }[`${bytes[0]},${bytes[1]}`];
  try {
    return new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Cut a text into rows of cells; quotes may hold separators, line breaks and, doubled, quotes. */
function cut(text, separator, most) {
  const rows = [];
  let [row, cell, isQuoted, isBegun] = [[], "", false, false];
  const endCell = () => {
    if (row.length < MOST_COLUMNS) row.push(cell.trim().slice(0, MOST_IN_A_CELL));
    [cell, isBegun] = ["", false];
  };
  const endRow = () => {
    endCell();
    if (row.some((each) => each)) rows.push(row);
    row = [];
  };
  for (let place = 0; place < text.length && rows.length < most; place++) {
    const letter = text[place];
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[place + 1] === '"') cell += text[++place - 1];
      else isQuoted = false;
    } else if (letter === '"' && !isBegun) isQuoted = isBegun = true;
    else if (letter === separator) endCell();
    else if (letter === "\n") endRow();
    else if (letter === "\r") { if (text[place + 1] !== "\n") endRow(); }
    else {
      cell += letter;
      isBegun ||= letter.trim() !== "";
    }
  }
  if (rows.length < most) endRow();
  return rows;
}

/** Read a table, whose separator is the one that cuts its first rows into the most columns. */
export function readTable(text) {
  const plain = text.replace(/^\ufeff/, "");
  const widths = SEPARATORS.map((separator) => {
    const first = cut(plain.slice(0, 20000), separator, 5);
    return first.filter((row) => row.length === first[0].length).length * (first[0]?.length ?? 0);
  });
  const separator = SEPARATORS[widths.indexOf(Math.max(...widths))];
  return cut(plain, separator, MOST_ROWS + 2);
}

const NUMBER = /^[+-]?(\d+([.,]\d+)?)$/;

/** Keep a spreadsheet from taking a text for a formula, also where the other one cuts it. Source: OWASP. */
const harmless = (text) => text.replace(/((?:^|[;,\t\r\n])[\s"]*)([=+\-@\uff1d\uff0b\uff0d\uff20])/g, "$1'$2");

/** Write rows of texts and numbers for a spreadsheet of a language. */
export function writeTable(rows, language) {
  const [separator, mark] = language === "es" ? [";", ","] : [",", "."];
  const written = (cell) => {
    if (typeof cell === "number") return String(cell).replace(".", mark);
    if (NUMBER.test(cell)) return cell.replace(/[.,]/, mark);
    return `"${harmless(cell).replaceAll('"', '""')}"`;
  };
  return `\ufeff${rows.map((row) => `${row.map(written).join(separator)}\r\n`).join("")}`;
}
