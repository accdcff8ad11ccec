// Draws the calls of each day as columns, from the table on the page.

import { columns } from "./charts.js";
import { language, say } from "./words.js";

const rows = [...document.querySelectorAll("#days tbody tr")].map((row) => ({
  day: row.cells[0].textContent, calls: Number(row.cells[1].textContent),
}));
const total = rows.reduce((sum, row) => sum + row.calls, 0);
const shownDay = (day) => new Date(`${day}T00:00Z`).toLocaleDateString(language, { day: "numeric", month: "short", timeZone: "UTC" });

function draw() {
  columns(document.getElementById("days-chart"), {
    rows: rows.map((row) => [row.calls]),
    kinds: ["column"],
    titles: rows.map((row) => `${shownDay(row.day)}: ${row.calls.toLocaleString(language)}`),
    ends: [shownDay(rows[0].day), shownDay(rows.at(-1).day)],
    label: say("{calls} calls in 30 days", { calls: total.toLocaleString(language) }),
  });
}

draw();
addEventListener("resize", draw);
