// Copies the text of the element that a button names in data-copies.

import { say } from "./words.js";

async function copy(button) {
  const code = document.getElementById(button.dataset.copies);
  const said = document.getElementById("copied");
  try {
    await navigator.clipboard.writeText(code.textContent);
    said.textContent = say("Copied.");
  } catch {
    getSelection().selectAllChildren(code);
    said.textContent = say("Selected: copy it with Ctrl-C.");
  }
}

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", () => copy(button));
}
