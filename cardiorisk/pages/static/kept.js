// Shows the values of kept assessments in the reader's units; without it they are as the service has them.

import { fieldOf, inUnit, unitOf } from "./units.js";

for (const cell of document.querySelectorAll("[data-of]")) {
  cell.textContent = inUnit(Number(cell.dataset.value), fieldOf(cell.dataset.of));
}
for (const heading of document.querySelectorAll("[data-unit-of]")) {
  heading.querySelector(".unit").textContent = `(${unitOf(fieldOf(heading.dataset.unitOf))})`;
}
