// The panel: shows the service's events as they come, and asks for nothing else while they do.

import { columns } from "./charts.js";
import { by } from "./dom.js";
import { inWords, language, number, say } from "./words.js";

const MOST_LINES = 50;
const VERDICTS = {
  stable: say("stable"), noticeable: say("noticeable"), large: say("large"), "too few rows": say("too few rows"),
};
const whole = new Intl.NumberFormat(language);
// In UTC, like the bitácora and the API, so that a line can be found there.
const utc = { timeZone: "UTC", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium", ...utc });
const minute = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", ...utc });
let stream = null;
let shown = null;
let lines = [];
let beginsAnew = true;

function row(heading, ...cells) {
  const made = document.createElement("tr");
  const first = document.createElement("th");
  first.scope = "row";
  first.append(heading);
  made.append(first, ...cells.map(([text, look = ""]) => {
    const cell = document.createElement("td");
    cell.className = look;
    cell.append(text);
    return cell;
  }));
  return made;
}

function countRows(body, counts) {
  const rows = Object.entries(counts).map(([name, count]) => row(name, [whole.format(count), "number"]));
  by(body).replaceChildren(...(rows.length ? rows : [row(say("none"), ["0", "number"])]));
}

function setText(id, text) {
  if (by(id).textContent !== text) by(id).textContent = text;
}

/** Return requests a minute over the last five; the running one counts as far as it has gone. */
function rateOf({ at, minutes, last_5_minutes: recent }) {
  const passed = (Date.parse(at) - Date.parse(minutes.at(-5).starts_at)) / 60_000;
  return recent.requests / passed;
}

function showFigures(overview) {
  const { memo, bitacora } = overview;
  const lookups = memo.hits + memo.refusals + memo.misses;
  setText("figure-rate", number(rateOf(overview), 1));
  setText("figure-open", whole.format(overview.open_requests));
  setText("figure-waiting", whole.format(overview.waiting_patients));
  setText("figure-active", whole.format(overview.active_accounts));
  setText("figure-memo", lookups ? `${number((100 * (memo.hits + memo.refusals)) / lookups, 1)} %` : "–");
  setText("figure-lines", whole.format(bitacora.lines));
  setText("figure-failures", whole.format(bitacora.failures));
  const nodes = Object.entries(overview.nodes);
  const networks = nodes.length > 1 ? nodes.map(([name, network]) => `${name}: ${network}`) : [overview.modelo ?? "–"];
  setText("figure-model", networks.join(", "));
  by("figure-failures").classList.toggle("bad", bitacora.failures > 0);
}

/** Say since when is counted, and that what came before is in the log alone. */
function showSince({ started_at: started, minutes }) {
  const since = { day: started.slice(0, 10), time: clock.format(new Date(started)) };
  const isNew = Date.parse(started) > Date.parse(minutes[0].starts_at);
  const more = isNew ? ` ${say("What came before is in the lines below alone.")}` : "";
  setText("since", say("This process has counted since its start, {day} {time}.", since) + more);
}

/** Tell right logins from wrong ones and from those that were turned away, as under an attack. */
function showLogins(logins) {
  const counts = { right: 0, wrong: 0, turned: 0 };
  for (const [status, count] of Object.entries(logins)) {
    const kind = status === "429" ? "turned" : status < 400 ? "right" : "wrong";
    counts[kind] += count;
  }
  by("logins").replaceChildren(
    row(say("right, or the form was opened"), [whole.format(counts.right), "number"]),
    row(say("wrong name or password"), [whole.format(counts.wrong), counts.wrong >= 30 ? "number bad" : "number"]),
    row(say("turned away after too many"), [whole.format(counts.turned), counts.turned ? "number bad" : "number"]),
  );
}

function showMinutes({ minutes }) {
  const parts = minutes.map((one) => [
    Math.max(0, one.requests - one.faults - one.refusals - one.failures), one.faults, one.refusals, one.failures,
  ]);
  const counts = minutes.map((one) => one.requests);
  const time = (one) => minute.format(new Date(one.starts_at));
  columns(by("minutes"), {
    rows: parts,
    kinds: ["answered", "unaccepted", "refused", "failed"],
    titles: minutes.map((one) => `${time(one)}: ${whole.format(one.requests)}`),
    ends: [time(minutes[0]), time(minutes.at(-1))],
    label: say("{count} requests in the last hour, {most} in the busiest minute", {
      count: whole.format(counts.reduce((sum, one) => sum + one, 0)), most: whole.format(Math.max(...counts)),
    }),
  });
}

function showStretch(overview) {
  const stretch = overview[by("stretch").value];
  countRows("statuses", stretch.by_status);
  countRows("refusals", stretch.refusals_by_plan);
  showLogins(stretch.logins);
  for (const stage of by("stages").rows) {
    const times = stretch.stages_ms[stage.dataset.stage];
    ["p50", "p90", "p99"].forEach((name, index) => {
      stage.cells[index + 1].textContent = times ? number(times[name], 2) : "–";
    });
  }
}

function showDrift({ drift }) {
  if (!drift) {
    by("drift").replaceChildren();
    return setText("drift-help", say("The drift is not known now."));
  }
  const measured = [drift.score, ...drift.fields].filter((one, index) => index === 0 || one.rows);
  const names = JSON.parse(by("drift").dataset.names);
  by("drift").replaceChildren(...measured.map((one) => row(
    names[one.name] ?? one.name, [whole.format(one.rows), "number"], [one.psi === null ? "–" : number(one.psi, 3), "number"],
    [VERDICTS[one.verdict], one.verdict === "large" ? "bad" : ""],
  )));
  setText("drift-help", say("Drift of the newest {count} answers in the log.", { count: whole.format(drift.answers) }));
}

function answerOf(line) {
  if (line.code) return line.code;
  if (line.probabilidad === null) return "";
  return `${line.riesgo_cardiaco ? say("at risk") : say("no risk")} ${inWords(line.probabilidad)}`;
}

/** A key's id leads to its account; one of a session or a token does not tell whose it is. */
function keyOf({ key_id: id }) {
  if (!id?.startsWith("key_")) return id ?? "–";
  const link = document.createElement("a");
  link.href = `panel/cuentas?buscar=${encodeURIComponent(id)}`;
  link.append(id);
  return link;
}

function showLines() {
  by("lines").replaceChildren(...lines.map((line) => row(
    clock.format(new Date(line.ts)), [String(line.status), line.status >= 500 ? "bad" : line.status >= 400 ? "warn" : ""],
    [`${line.method} ${line.route}`], [number(line.timings_ms.total ?? 0, 1), "number"],
    [line.plan ?? "–"], [keyOf(line)], [answerOf(line)],
  )));
  by("no-lines").hidden = lines.length > 0;
}

function showAll() {
  showFigures(shown);
  showSince(shown);
  showMinutes(shown);
  showStretch(shown);
  showDrift(shown);
}

function setState(text, isLive = false) {
  by("state").classList.toggle("is-live", isLive);
  setText("state", text);
}

function filters() {
  const given = [...new FormData(by("filters"))].map(([name, text]) => [name, text.trim()]);
  return new URLSearchParams(given.filter(([, text]) => text));
}

/**
 * Connect to the events; the first lines of a connection replace those that are shown. A hidden
 * tab does not connect, because the service has few places for readers.
 */
function connect() {
  stream?.close();
  beginsAnew = true;
  if (document.hidden) return setState(say("Not live."));
  setState(say("Connecting…"));
  stream = new EventSource(`panel/eventos?${filters()}`);
  stream.addEventListener("open", () => {
    beginsAnew = true;
    setState(say("Live: a new look every two seconds."), true);
    by("again").hidden = by("filter-error").hidden = true;
  });
  stream.addEventListener("overview", (event) => {
    shown = JSON.parse(event.data);
    showAll();
  });
  stream.addEventListener("lines", (event) => {
    const fresh = JSON.parse(event.data);
    lines = (beginsAnew ? fresh : [...fresh, ...lines]).slice(0, MOST_LINES);
    beginsAnew = false;
    showLines();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return setState(say("The connection is lost; trying again."));
    return explain();
  });
}

/** Say what is wrong with a filter in the reader's language; the API's detail is in English. */
function faultOf({ field, detail }) {
  if (detail === "must be the name of an account") return say("There is no such account.");
  const box = by("filters").elements[field];
  const name = box?.labels[0].firstChild.textContent.trim() ?? field;
  const most = /at most (\d+) characters/.exec(detail)?.[1];
  if (box?.value.trim().length > most) return say("{name}: {most} characters at most.", { name, most });
  return say("This filter cannot be used: {name}.", { name });
}

/** Say why the filters are refused, and clear the lines, which are those of earlier filters. */
function refuseFilters(errors) {
  lines = [];
  showLines();
  by("no-lines").hidden = true;
  by("filter-error").textContent = errors.map(faultOf).join(" ");
  by("filter-error").hidden = false;
}

/** Find out why the events are refused, which an EventSource does not tell. */
async function explain() {
  const refused = stream;
  setState(say("Not live."));
  const answer = await fetch(`operator/log?limit=1&${filters()}`, {
    headers: { "X-XSRFToken": document.querySelector("[name=xsrf-token]").content },
  }).catch(() => null);
  const errors = answer?.status === 422 ? (await answer.json()).errors : null;
  if (stream !== refused) return;
  if (errors) {
    refuseFilters(errors);
  } else if (answer && [401, 403].includes(answer.status)) {
    setState(say("Your session has ended, or you are no operator any more."));
    by("again").hidden = false;
  } else {
    setTimeout(() => stream.readyState === EventSource.CLOSED && !isPaused() && connect(), 5000);
  }
}

const isPaused = () => by("pause").dataset.paused === "yes";

function togglePause() {
  by("pause").dataset.paused = isPaused() ? "no" : "yes";
  by("pause").textContent = isPaused() ? say("Go on") : say("Pause");
  if (!isPaused()) return connect();
  stream?.close();
  return setState(say("Paused."));
}

function applyFilters() {
  const chosen = filters();
  history.replaceState(null, "", chosen.size ? `?${chosen}` : location.pathname);
  const other = document.querySelector("nav [hreflang]");
  other.search = new URLSearchParams([...chosen, ["idioma", other.hreflang]]);
  by("filter-error").hidden = true;
  if (isPaused()) togglePause();
  else connect();
}

by("scriptless").hidden = true;
by("panel").hidden = false;
by("pause").addEventListener("click", togglePause);
by("stretch").addEventListener("change", () => shown && showStretch(shown));
by("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  applyFilters();
});
by("filters").addEventListener("reset", (event) => {
  event.preventDefault();
  for (const field of by("filters").querySelectorAll("input, select")) field.value = "";
  applyFilters();
});
document.addEventListener("visibilitychange", () => isPaused() || connect());
addEventListener("resize", () => shown && showMinutes(shown));
connect();
