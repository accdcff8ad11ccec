"""The page that tries a patient, as a browser without scripts uses it."""

from __future__ import annotations

import json
import re

from cardiorisk.config import load_settings
from cardiorisk.model.card import Card
from cardiorisk.model.engines import Artefact, load_artefact
from cardiorisk.patients.patient import EXAMPLE, FIELDS
from cardiorisk.routes import CardioriskApplication
from cardiorisk.web.handlers import to_json
from tests.pages.browsing import Reader, faults, text
from tests.support import Bitacora

FORM = {"nivel_colesterol": "2.4", "presion_arterial": "1,4", "azucar": " 1.8", "edad": "72"}
"""One decimal is written with a comma, as the reader may."""


async def test_the_form_has_every_field_with_its_range(reader: Reader) -> None:
    page = await reader.read("/")
    for field in FIELDS:
        box = re.search(rf'<input type="(\w+)"[^>]* name="{field.wire_name}"[^>]*>', page)
        assert box
        assert box[1] == ("checkbox" if field.kind == "flag" else "text")
    assert ">0,6 \u2013 1,8 · 120 mmHg son 1,20<" in page


async def test_a_session_s_bare_form_is_answered_in_words_and_counted(
    ana: Reader, bitacora: Bitacora
) -> None:
    answer = await ana.send("/", **FORM, tabaquismo="on")
    page = text(answer)
    assert (answer.code, answer.headers["RateLimit"].split(";")[1]) == (200, "r=4")
    assert "Sí hay riesgo, según la red: &gt; 0,999999 alcanza" in page
    assert "la subieron edad = 72" in page
    assert "quedan en este minuto: 4" in page
    assert re.search(r'name="tabaquismo"[^>]* checked', page)
    assert not re.search(r'name="sobrepeso"[^>]* checked', page)
    assert (bitacora.last()["route"], bitacora.last()["riesgo_cardiaco"]) == ("/", True)
    english = text(await ana.send("/?idioma=en", **FORM))
    assert "Yes, at risk, says the network: &gt; 0.999999 reaches" in english


async def test_the_page_and_the_answers_say_what_the_network_learnt_from(
    ana: Reader, app: CardioriskApplication
) -> None:
    assert "con 5.000 pacientes inventados" in await ana.read("/")
    kept = json.loads((await ana.call("POST", "/predictions", to_json(dict(EXAMPLE)))).body)
    made = load_artefact(load_settings().model_dir, "litert")
    members = made.card.model_dump() | {"data_file": "<b>ana.csv", "version": "14-7-1-0badcafe"}
    app.services.predictor.adopt(Artefact(Card.model_validate(members), made.engine))
    page = await ana.read("/")
    assert "Aprendió de 5.000 filas del archivo &lt;b&gt;ana.csv." in page
    assert "000 pacientes inventados" not in page
    answer = json.loads((await ana.call("POST", "/service", to_json(dict(EXAMPLE)))).body)
    assert "entrenado con 5.000 filas del archivo «<b>ana.csv»" in answer["aviso"]
    again = json.loads((await ana.call("GET", f"/predictions/{kept['id']}")).body)
    assert again["aviso"].startswith("Lo respondió otra versión de la red")
    assert "It learnt from 5,000 rows of the file" in await ana.read("/?idioma=en")


async def test_what_is_wrong_in_a_bare_form_stands_at_its_field(ana: Reader) -> None:
    answer = await ana.send("/", edad='400"><b>', nivel_colesterol="1e999", azucar="")
    assert answer.code == 422
    said = faults(answer)
    assert said.pop("presion_arterial") == "Debe ser un número de 0,6 a 1,8"
    assert said == {
        "edad": "Debe ser un entero de 0 a 99",
        "nivel_colesterol": "Debe ser un número de 1 a 3",
        "azucar": "Debe ser un número de 0,5 a 2",
    }
    assert "<b>" not in text(answer)


async def test_a_bare_form_beyond_the_minute_is_told_so(ana: Reader) -> None:
    for _ in range(5):
        await ana.send("/")
    answer = await ana.send("/", edad="61")
    assert (answer.code, answer.headers["Retry-After"]) == (429, "48")
    assert (
        "se han agotado. Podrás volver a preguntar en 48 s. El plan premium tiene más.</p>"
        in text(answer)
    )
    assert 'name="edad" value="61"' in text(answer)


async def test_a_bare_form_of_nobody_leads_to_the_login(reader: Reader) -> None:
    await reader.open("/entrar")
    answer = await reader.send("/")
    assert (answer.code, answer.headers["Location"]) == (303, "entrar?siguiente=./")
