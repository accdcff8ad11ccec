"""What people are told in their language; the pages' texts are in ``pages/translations``."""

import re
from typing import Literal, NamedTuple

Language = Literal["es", "en"]
_LANGUAGES: dict[str, Language] = {"es": "es", "en": "en"}
_WEIGHT = re.compile(r"\s*(?:[qQ]\s*=\s*([01](?:\.\d{0,9})?)\s*)?", re.ASCII)
_MOST_RANGES = 20  # of an ``Accept-Language`` that are looked at; browsers send up to ten


class Said(NamedTuple):
    es: str
    en: str

    def to(self, language: Language) -> str:
        return self.en if language == "en" else self.es

    def filled(self, **values: "str | int | Said") -> "Said":
        """Fill in values, some in both languages themselves."""
        said = [
            text.format(**{name: v[at] if isinstance(v, Said) else v for name, v in values.items()})
            for at, text in enumerate(self)
        ]
        return Said(*said)


# Of a field that cannot be accepted.
ONE_FAULT = Said("1 campo no se puede aceptar: {names}", "1 field cannot be accepted: {names}")
FAULTS = Said(
    "{count} campos no se pueden aceptar: {names}", "{count} fields cannot be accepted: {names}"
)
MUST = Said("debe {accepted}", "must {accepted}")
MISSING = Said("falta: debe {accepted}", "is missing: it must {accepted}")
QUOTED = Said("es texto; envíelo sin comillas", "is text; send it without quotes")
QUOTED_TOO = Said(QUOTED.es + ": debe {accepted}", QUOTED.en + ": it must {accepted}")
REPEATED = Said("se da más de una vez", "is given more than once")
NO_FIELD = Said("no es un campo de esta petición", "is not a field of this request")
NO_PATIENTS_FIELD = Said("no es un campo de un paciente", "is not a field of a patient")
NO_PARAMETER = Said("no es un parámetro de aquí", "is not a parameter here")
_MEANT = Said("; ¿quería decir `{meant}`?", "; did you mean `{meant}`?")
MEANT = {
    "field": Said("no es un campo" + _MEANT.es, "is not a field" + _MEANT.en),
    "parameter": Said("no es un parámetro" + _MEANT.es, "is not a parameter" + _MEANT.en),
}

# What a field accepts, after "must".
NUMBER = Said(
    "ser un número de {minimum} a {maximum} ({unit}){hint}",
    "be a number from {minimum} to {maximum} ({unit}){hint}",
)
INTEGER = Said(
    "ser un entero de {minimum} a {maximum} ({unit}){hint}",
    "be an integer from {minimum} to {maximum} ({unit}){hint}",
)
FLAG = Said("ser 0, 1, false o true", "be 0, 1, false or true")
LABEL = Said(
    "ser texto de {most} caracteres imprimibles como mucho",
    "be text of at most {most} printable characters",
)
PATIENT = Said(
    "ser un objeto JSON con los campos {names}", "be a JSON object with the fields {names}"
)
PATIENTS = Said(
    "ser una lista de 1 a {most} pacientes de seis valores",
    "be an array of 1 to {most} patients of six values",
)

# Of the network and its answers.
_NO_DEVICE = Said(
    "no es un dispositivo médico y no sirve para diagnosticar ni para decidir un tratamiento.",
    "it is no medical device, and of no use to diagnose or to decide on a treatment.",
)
FROM_A_RULE = Said(
    "Modelo didáctico entrenado con {rows} pacientes inventados y una fórmula: {no_device}",
    "A teaching model, trained on {rows} made-up patients and a rule: {no_device}",
)
FROM_A_FILE = Said(
    "Modelo entrenado con {rows} filas del archivo «{name}»: {no_device}",
    "A model trained on {rows} rows of the file “{name}”: {no_device}",
)
OF_ANOTHER = Said(
    "Lo respondió otra versión de la red: {no_device}",
    "Another version of the network answered this: {no_device}",
).filled(no_device=_NO_DEVICE)
OUTSIDE_TRAINING = Said(
    "queda fuera de lo que vio el entrenamiento; GET /model da los intervalos",
    "lies beyond what training saw; GET /model gives the ranges",
)
REASONS = Said(
    "La red da {probability} a estos datos y {base} de media a sus pacientes de referencia: "
    "{reasons}. Describe el cálculo de la red, no la salud del paciente.",
    "The network gives {probability} to these values and {base} on average to its reference "
    "patients: {reasons}. This describes the network's arithmetic, not the patient's health.",
)
RAISED = Said("la subieron {inputs}", "raised by {inputs}")
LOWERED = Said("la bajaron {inputs}", "lowered by {inputs}")
NOT_MOVED = Said("ningún dato la movió apreciablemente", "no input moved it noticeably")
YES = Said("sí", "yes")
AND = Said("y", "and")


def notice(rows: int, name: str | None) -> Said:
    counted = Said(f"{rows:,}".replace(",", "."), f"{rows:,}")
    said = FROM_A_RULE if name is None else FROM_A_FILE
    return said.filled(rows=counted, name=name or "", no_device=_NO_DEVICE)


def preferred(accept_language: str, default: Language) -> Language:
    """Find the language that a reader likes best, the first of those that are liked equally."""
    best, best_weight = default, 0.0
    for part in accept_language.split(",", _MOST_RANGES)[:_MOST_RANGES]:
        name, _, weight_text = part.partition(";")
        language = _LANGUAGES.get(name.strip().lower().replace("_", "-").split("-")[0])
        found = _WEIGHT.fullmatch(weight_text)
        weight = float(found[1] or 1) if found else 0.0
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best
