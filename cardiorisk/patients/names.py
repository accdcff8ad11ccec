"""Which name was meant where another was sent: one that is used elsewhere, or a misspelt one."""

import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from functools import lru_cache

_LONGEST = 40  # characters; comparing takes a time that grows with their square
_LEAST_ALIKE = 0.75  # of 1: "peso", which is weight, is 0.62 of "sobrepeso"


@lru_cache(maxsize=256)
def folded(name: str) -> str:
    """Drop case, accents, blanks and punctuation."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name.casefold())))


_SAME = tuple(
    frozenset(map(folded, names.split()))
    for names in """
nivel_colesterol colesterol colesterol_total cholesterol total_cholesterol cholesterol_level chol
nivel_colesterol colesterol totChol serum_cholesterol
presion_arterial presion presion_sistolica systolic_bp systolic_pressure systolic_blood_pressure
presion_arterial presionArterial blood_pressure pressure bp sbp trestbps sysBP PAS tension systolic
azucar glucosa glucemia azucar_en_sangre sugar blood_sugar glucose blood_glucose gluc glu
edad age years anos
sobrepeso obesidad overweight obesity obese obeso obesa
tabaquismo fumador fumadora fuma tabaco smoker smoking smokes smoke tobacco currentSmoker
nombre name label etiqueta paciente patient
pacientes patients rows filas instances
explicar explain explicacion explanation
curvas curves
cambios changes counterfactuals
mapas maps
limit limite size page_size per_page count top
after page pagina cursor offset skip start
username user usuario login name nombre
password contrasena clave pass passwd pwd
email mail correo
""".strip().splitlines()
)
"""Names for the same, ours among them. Source: the course's files, the original system, the clients
written for the assignment, and the usual datasets of heart disease."""


def names_of(name: str) -> list[str]:
    return sorted({other for same in _SAME if folded(name) in same for other in same})


def find_meant(name: str, known: Collection[str]) -> str | None:
    plain = folded(name[:_LONGEST])
    by_folded = {folded(each): each for each in known}
    for same in _SAME:
        if plain in same and (found := sorted(same & by_folded.keys())):
            return by_folded[found[0]]
    if len(name) > _LONGEST:
        return None
    begin_alike = [each for each in by_folded if each[:1] == plain[:1]]  # comparing takes long
    return next(map(by_folded.get, get_close_matches(plain, begin_alike, 1, _LEAST_ALIKE)), None)
