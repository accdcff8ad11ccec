// How sure an answer is: how such patients fared when the network was measured, and which clauses
// of the rule that it learnt hold. Both are in the network's card, which GET /model tells everybody.

import { by, make } from "./dom.js";
import { readCard } from "./service.js";
import { fieldOf, withUnit } from "./units.js";
import { language, number, say } from "./words.js";

const whole = new Intl.NumberFormat(language);
const list = new Intl.ListFormat(language);
let card = null;
let asked = null; // the answer that was shown last

const rounded = (share) => `${number(share * 100, share > 0 && share < 0.1 ? 1 : 0)}\u00a0%`;

/** Show it, if the card is that of the network which answered; nobody waits for it. */
export async function showSure(patient, answer) {
  by("sure").hidden = by("rule").hidden = true;
  asked = answer;
  if (card?.version !== answer.modelo) card = await readCard().catch(() => null);
  if (card?.version !== answer.modelo || asked !== answer) return;
  showBand(answer.probabilidad);
  showRule(patient);
}

function showBand(probability) {
  const band = card.metrics.by_probability?.findLast(({ low }) => low <= probability);
  if (!band) return;
  const words = { low: rounded(band.low), high: rounded(band.high), rows: whole.format(band.rows) };
  by("sure").hidden = false;
  by("sure").textContent = band.at_risk
    ? say("Measured: of {rows} held-out patients to whom the network gave {low} to {high}, {share} were at risk ({least} to {most} with 95 % confidence).", {
      ...words, share: rounded(band.at_risk.value), least: rounded(band.at_risk.low), most: rounded(band.at_risk.high),
    })
    : say("Measured: no held-out patient was given {low} to {high}, so it is not known how such ones fare.", words);
}

/** Say which clauses hold: any one of them is a risk, and all conditions of a clause must hold. */
function showRule(patient) {
  if (!card.rule) return;
  const clauses = card.rule.map((conditions) => conditions.map(({ field, above }) => {
    const known = fieldOf(field);
    return {
      holds: patient[field] > above,
      text: known.kind === "flag" ? known.label : say("{name} above {value}", { name: known.label, value: withUnit(above, known) }),
    };
  }));
  const held = clauses.filter((conditions) => conditions.every(({ holds }) => holds)).length;
  by("rule").hidden = false;
  const words = { all: clauses.length, held };
  by("rule-held").textContent = held > 1
    ? say("Clauses that hold: {held} of {all}. Any one is a risk, so none of these may hold for the answer to change.", words)
    : say("Clauses that hold: {held} of {all}. Any one is a risk.", words);
  by("rule-clauses").replaceChildren(...clauses.map((conditions) => {
    const holds = conditions.every((condition) => condition.holds);
    const missing = conditions.filter((condition) => !condition.holds).map((condition) => condition.text);
    const text = list.format(conditions.map((condition) => condition.text));
    return make("li", holds ? "at-risk" : "", holds ? say("{clause}: holds", { clause: text }) : say("{clause} (lacks: {missing})", { clause: text, missing: list.format(missing) }));
  }));
}
