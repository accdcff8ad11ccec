// The form of a patient: what is typed is in the reader's units, what is read is in the service's.

import { make, setError } from "./dom.js";
import {
  accepts, bounds, chooseUnit, fieldOf, inUnit, onUnit, parse, rule, toService, unitOf, unitsOf, unitsThatFit, withUnit,
} from "./units.js";
import { say } from "./words.js";

export const form = document.getElementById("patient");
let tellChange = () => {};

/** A flag: a box to tick. */
class Flag {
  constructor(room, field) {
    this.field = field;
    this.box = room.querySelector("[name]");
    this.error = room.querySelector(".error");
    this.box.addEventListener("input", () => tellChange());
  }

  get value() {
    return Number(this.box.checked);
  }

  set value(value) {
    this.box.checked = Boolean(value);
  }

  check() {
    return true;
  }

  refuse(text) {
    setError(this.box, this.error, text);
  }
}

/** A number: a box in the reader's unit, a slider, and units to choose from. */
class Quantity {
  #value = NaN;
  #typed = null; // the text and the unit that the value was read from, to show that text again

  constructor(room, field) {
    this.field = field;
    this.box = room.querySelector("[name]");
    this.slider = room.querySelector("[type=range]");
    this.error = room.querySelector(".error");
    this.asks = room.querySelector(".asks");
    this.help = room.querySelector(".help");
    this.unit = room.querySelector("label .unit");
    this.choice = room.querySelector("select");
    this.box.addEventListener("input", () => this.#read());
    this.box.addEventListener("change", () => this.check());
    this.slider.addEventListener("input", () => {
      this.value = Number(this.slider.value);
      tellChange();
    });
    this.#offerUnits();
    onUnit((changed) => {
      if (changed !== field) return;
      this.show();
      tellChange();
    });
    this.value = parse(this.box.defaultValue);
  }

  #offerUnits() {
    const units = unitsOf(this.field);
    this.unit.classList.add("unseen");
    if (units.length < 2) {
      this.choice.after(make("span", "unit", units[0]));
      return;
    }
    this.choice.append(...units.map((unit) => new Option(unit)));
    this.choice.hidden = false;
    this.choice.addEventListener("change", () => chooseUnit(this.field, this.choice.value));
  }

  #take() {
    const unit = unitOf(this.field);
    this.#typed = { text: this.box.value, unit };
    this.#value = toService(parse(this.box.value), this.field, unit);
  }

  #read() {
    this.#take();
    this.#slide();
    this.refuse("");
    tellChange();
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    this.#value = value;
    this.#typed = null;
    this.show();
  }

  /** Write the value anew, in the unit that is chosen by now. */
  show() {
    const unit = unitOf(this.field);
    if (this.#typed && !accepts(this.field, this.#value)) this.#take(); // the unit was wrong, not the number
    else if (this.#typed?.unit === unit) this.box.value = this.#typed.text;
    else if (!Number.isNaN(this.#value)) this.box.value = inUnit(this.#value, this.field);
    this.choice.value = unit;
    this.unit.textContent = `(${unit})`;
    this.help.textContent = `${bounds(this.field).join(" \u2013 ")} ${unit}`;
    this.#slide();
    this.refuse("");
  }

  #slide() {
    if (!Number.isNaN(this.#value)) this.slider.value = this.#value;
    this.slider.setAttribute("aria-valuetext", withUnit(Number(this.slider.value), this.field));
  }

  /** Tell whether the value would be accepted; if not, say so, and ask what was meant. */
  check() {
    if (accepts(this.field, this.#value)) return true;
    this.refuse(rule(this.field));
    const number = parse(this.box.value);
    this.asks.replaceChildren(...unitsThatFit(this.field, number).map((unit) => this.#question(number, unit)));
    return false;
  }

  /** Make a button that takes a number as it is meant in a unit, and shows it so from then on. */
  #question(number, unit) {
    const value = toService(number, this.field, unit);
    const isChoice = unitsOf(this.field).includes(unit);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = say("{value}?", { value: isChoice ? `${this.box.value.trim()} ${unit}` : withUnit(value, this.field) });
    button.addEventListener("click", () => {
      this.value = value;
      if (isChoice) chooseUnit(this.field, unit);
      this.box.focus();
      tellChange();
    });
    return button;
  }

  refuse(text) {
    setError(this.box, this.error, text);
    this.asks.replaceChildren();
  }
}

export const entries = [...form.querySelectorAll(".field")].map((room) => {
  const field = fieldOf(room.dataset.field);
  return field.kind === "flag" ? new Flag(room, field) : new Quantity(room, field);
});

/** The values as the service takes them; null where there is none. */
export const readPatient = () =>
  Object.fromEntries(entries.map(({ field, value }) => [field.name, Number.isNaN(value) ? null : value]));

export function fillIn(patient) {
  for (const entry of entries) entry.value = patient[entry.field.name];
  tellChange();
}

/** Tell whether every value would be accepted; if not, say so at each, and go to the first. */
export function checkPatient() {
  const faulty = entries.filter((entry) => !entry.check());
  faulty[0]?.box.focus();
  return !faulty.length;
}

/** Have a function called whenever a value has changed. */
export const onChange = (listener) => {
  tellChange = listener;
};
