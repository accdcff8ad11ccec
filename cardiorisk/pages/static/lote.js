// The page of many patients: takes a table, has it assessed within the plan's limit, and shows it.

import { showAnswer } from "./answer.js";
import { ask, fail, keepKey, readKey, showRefusal } from "./asking.js";
import { MOST_BYTES, MOST_ROWS, readTable, readText } from "./csv.js";
import { by, make } from "./dom.js";
import { guess, headed, readRow, unitOfCells, unitsOfColumn } from "./patients.js";
import { HANDED_OVER, assess, assessMany, readAccount } from "./service.js";
import { showResults } from "./table.js";
import { FIELDS, chooseUnit } from "./units.js";
import { language, say } from "./words.js";

const MOST_TOGETHER = 500; // of 1,000 that a call may hold: the bar moves more often
const PREVIEWED = 8;
const whole = new Intl.NumberFormat(language);
let table = null; // heading, rows of cells, mapping
let patients = [];
let run = null;
let opening = null; // counts down to when a row is opened
let plan = null; // of the key that was asked about last: a promise
let given = null; // the file that was given last, unless cells were pasted since
let least = Infinity; // calls a minute, where the key has fewer than its plan

function refuseTable(text) {
  by("file-error").textContent = text;
  by("file-error").hidden = !text;
  by("columns-part").hidden = by("results-part").hidden = true;
  by("opened").hidden = true;
}

function takeText(text) {
  stop();
  const rows = readTable(text);
  if (rows.length < 1 || rows[0].length < 2) return refuseTable(say("No table of patients can be found in it."));
  if (rows.length > MOST_ROWS + 1) return refuseTable(say("There are more than {most} rows. Use the command cardiorisk score.", { most: whole.format(MOST_ROWS) }));
  refuseTable("");
  table = headed(rows);
  table.mapping = guess(table.heading, table.rows);
  offerColumns();
  by("columns-part").hidden = false;
  readRows();
}

async function takeFile(file) {
  if (!file) return;
  given = file;
  if (file.size > MOST_BYTES) return refuseTable(say("The file is too large. Use the command cardiorisk score."));
  try {
    const text = await readText(file);
    if (file === given) takeText(text);
  } catch (error) {
    if (file === given) refuseTable(error.message === "excel" ? say("This is an Excel file: save it as CSV, or paste its cells.") : say("The file cannot be read."));
  }
}

function choice(id, label, options, chosen, change) {
  const select = make("select");
  select.id = id;
  select.append(...options.map(([value, text]) => new Option(text, value, false, value === String(chosen))));
  select.addEventListener("change", () => change(select.value));
  const room = make("div", "", make("label", "", label), select);
  room.firstChild.htmlFor = id;
  return room;
}

/** Offer the columns for each value, and the units it may be in. */
function offerColumns() {
  const { heading, mapping } = table;
  const places = [["-1", "—"], ...heading.map((name, place) => [String(place), name || say("Column {number}", { number: place + 1 })])];
  by("columns").replaceChildren(...FIELDS.map((field) => {
    const column = mapping.columns[field.name];
    const change = (value) => {
      column.place = Number(value);
      column.unit = unitOfCells(field, heading[column.place] ?? "", table.rows, column.place);
      if (by(`unit-${field.name}`)) by(`unit-${field.name}`).value = column.unit;
      readRows();
    };
    const room = choice(`column-${field.name}`, field.label, places, column.place, change);
    const units = unitsOfColumn(field);
    if (units.length > 1) {
      const second = choice(`unit-${field.name}`, say("{name}: unit", { name: field.label }), units.map((unit) => [unit, unit]), column.unit, (unit) => {
        column.unit = unit;
        readRows();
      });
      second.firstChild.className = "unseen";
      room.append(second);
    }
    return room;
  }), choice("column-label", say("name (optional, is not sent)"), places, mapping.label, (value) => {
    mapping.label = Number(value);
    readRows();
  }));
}

/** Read every row by the columns as they are chosen now; what was answered is forgotten. */
function readRows() {
  stop();
  stopOpening();
  // Answers are shown in the units of the table, which the reader may not have chosen elsewhere.
  for (const field of FIELDS) chooseUnit(field, table.mapping.columns[field.name].unit, false);
  patients = table.rows.map((row, place) => readRow(row, table.mapping, place + 1));
  const faulty = patients.filter((each) => !each.patient);
  by("found").textContent = say("{good} of {all} rows can be assessed; {faulty} have faults.", {
    good: whole.format(patients.length - faulty.length), all: whole.format(patients.length), faulty: whole.format(faulty.length),
  });
  preview([...faulty.slice(0, PREVIEWED), ...patients.filter((each) => each.patient).slice(0, PREVIEWED)].slice(0, PREVIEWED * 2));
  by("results-part").hidden = by("opened").hidden = by("run").hidden = true;
  by("start").disabled = patients.length === faulty.length;
  tellCost();
}

function preview(rows) {
  const { columns } = table.mapping;
  const head = make("tr", "", ...[say("Row"), ...FIELDS.map((field) => field.label)].map((text) => make("th", "", text)));
  for (const cell of head.cells) cell.scope = "col";
  by("preview").tHead.replaceChildren(head);
  by("preview").tBodies[0].replaceChildren(...rows.map(({ number, cells, faults }) => {
    const first = make("th", "", whole.format(number));
    first.scope = "row";
    return make("tr", "", first, ...FIELDS.map(({ name }) => {
      const text = cells[columns[name].place] ?? "";
      return faults[name] ? make("td", "faulty", make("span", "", text || "—"), make("small", "", faults[name])) : make("td", "", text);
    }));
  }));
}

const waiting = () => patients.filter((each) => each.patient && !each.answer);

/** Return the plan of the key or the session, asked for once; null where it is nobody's, or no longer the key's. */
async function readPlan() {
  const key = by("key")?.value.trim() ?? "";
  if (plan?.key !== key) plan = { key, account: readAccount(key).catch(() => null) };
  const asked = plan;
  const account = await asked.account;
  return asked === plan ? account : null;
}

/** Say how many calls it takes, and how long, once the plan is known. */
async function tellCost() {
  const count = waiting().length;
  const calls = say("{calls} patients take {calls} calls.", { calls: whole.format(count) });
  by("cost").textContent = count ? calls : "";
  const account = count ? await readPlan() : null;
  if (!account || count !== waiting().length) return;
  const limit = Math.min(least, account.requests_per_minute);
  const minutes = Math.ceil(count / limit);
  const parts = [calls, say("Your plan {plan} has {limit} a minute:", { plan: account.plan, limit: whole.format(limit) }),
    minutes > 1 ? say("about {minutes} minutes, with this page open.", { minutes: whole.format(minutes) }) : say("under a minute.")];
  if (account.plan === "freemium" && minutes > 1) parts.push(say("Premium has more calls a minute."));
  by("cost").textContent = parts.join(" ");
}

const pause = (seconds, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  });
});

function showProgress(text = "", countdown = "") {
  const good = patients.filter((each) => each.patient).length;
  const done = good - waiting().length;
  by("run").hidden = false;
  Object.assign(by("progress"), { max: good, value: done });
  by("progress-text").textContent = [say("{done} of {all} assessed.", { done: whole.format(done), all: whole.format(good) }), text].join(" ").trim();
  by("countdown").textContent = countdown; // apart, so that it is not read aloud every second
}

/** Wait for the next minute, counting down; a second more, as clocks differ. */
async function waitForMinute(seconds, signal) {
  for (let left = seconds + 1; left > 0 && !signal.aborted; left--) {
    showProgress("", say("The calls of this minute are used up; it goes on in {seconds} s.", { seconds: left }));
    await pause(1, signal);
  }
}

async function start() {
  if (run) return;
  const key = readKey();
  if (key === null) return;
  run = new AbortController();
  const { signal } = run;
  by("failure").textContent = "";
  by("start").hidden = true;
  by("stop").hidden = false;
  by("stop").focus();
  by("results-part").hidden = false;
  try {
    await assessAll(key, signal);
  } catch (error) {
    if (!signal.aborted) fail(say("The service cannot be reached."));
    console.warn(error);
  }
  if (run?.signal === signal) stop();
}

/** Send as many together as the minute has calls for, and wait for the next one. */
async function assessAll(key, signal) {
  let most = MOST_TOGETHER;
  for (let todo = waiting(); todo.length && !signal.aborted; todo = waiting()) {
    showProgress();
    const sent = todo.slice(0, most);
    const answer = await assessMany(sent.map((each) => each.patient), key, signal);
    const { left } = answer;
    if (answer.ok) {
      least = left.limit;
      keepKey(key);
      answer.document.resultados.forEach((result, place) => {
        sent[place].answer = result;
      });
      showResults(patients, table, open);
      showProgress();
    } else if (answer.status !== 429) return showRefusal(answer);
    if (!waiting().length) return;
    if (left.calls === 0 || (answer.status === 429 && left.calls >= sent.length)) {
      await waitForMinute(left.seconds, signal);
      most = Math.min(MOST_TOGETHER, left.limit);
    } else most = Math.min(MOST_TOGETHER, left.calls);
  }
}

function stop() {
  if (!run) return;
  run.abort();
  run = null;
  const isFocused = document.activeElement === by("stop");
  by("start").hidden = false;
  by("stop").hidden = true;
  by("start").textContent = waiting().length ? say("Go on") : say("Assess");
  by("start").disabled = !waiting().length;
  if (isFocused) (waiting().length ? by("start") : by("results-title")).focus();
  showProgress(waiting().length ? say("Stopped.") : "");
  tellCost();
}

function stopOpening() {
  clearInterval(opening);
  by("opening").textContent = by("opening-left").textContent = "";
}

/** Open a row once the minute has calls again, as often none are left when all are assessed. */
function openLater(row, { retrySeconds, left }) {
  const until = Date.now() + (retrySeconds + 1) * 1000;
  const more = left?.plan === "freemium" ? ` ${say("The plan premium has more.")}` : "";
  by("opening").textContent = say("The calls of this minute are used up; row {number} opens by itself in the next one.", row) + more;
  opening = setInterval(() => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    by("opening-left").textContent = `${Math.max(0, seconds)} s`;
    if (seconds <= 0) open(row);
  }, 250);
}

/** Show a row as an answer, with its reasons and what would change it: one call more. */
async function open(row) {
  stopOpening();
  const answer = await ask((key) => assess(row.patient, key), (refusal, tell) => (refusal.status === 429 ? openLater(row, refusal) : tell(refusal)));
  if (!answer?.ok) return;
  by("opened").hidden = false;
  by("answer-title").textContent = row.label ? say("Row {number}: {name}", { number: row.number, name: row.label }) : say("Row {number}", row);
  showAnswer(row.patient, answer.document, { ...answer, name: by("answer-title").textContent });
  by("answer").scrollIntoView();
  by("answer-title").focus();
  by("edit").onclick = () => {
    // A tab that is opened so begins with a copy of what this one keeps, the key too.
    sessionStorage.setItem(HANDED_OVER, JSON.stringify(row.patient));
    window.open("./");
    sessionStorage.removeItem(HANDED_OVER);
  };
  by("back").onclick = () => {
    by("opened").hidden = true;
    by("results-part").scrollIntoView();
    document.querySelector(`[data-row="${row.number}"]`)?.focus();
  };
}

by("file").addEventListener("change", () => takeFile(by("file").files[0]));
by("cells").addEventListener("input", () => {
  if (!by("cells").value.trim()) return;
  given = null;
  takeText(by("cells").value);
});
by("start").addEventListener("click", start);
by("stop").addEventListener("click", stop);
by("key")?.addEventListener("change", tellCost);
for (const name of ["dragover", "drop"]) {
  by("drop").addEventListener(name, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    if (name === "drop") takeFile(event.dataTransfer.files[0]);
  });
}
addEventListener("beforeunload", (event) => run && event.preventDefault());
by("scriptless").hidden = true;
by("answer-title").tabIndex = by("results-title").tabIndex = -1;
for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
