// What the pages' scripts share about a page's elements.

export const by = (id) => document.getElementById(id);

/** Make an element with a class and what it holds: elements and texts. */
export function make(name, look = "", ...held) {
  const made = document.createElement(name);
  if (look) made.className = look;
  made.append(...held);
  return made;
}

/** Say what is wrong with a box at its place, or no longer. */
export function setError(box, place, text) {
  place.textContent = text;
  place.hidden = !text;
  if (text) box.setAttribute("aria-invalid", "true");
  else box.removeAttribute("aria-invalid");
}
