"""``/service``: every way to ask, and what comes back."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from cardiorisk.config import Settings
from cardiorisk.routes import CardioriskApplication
from tests.support import EXAMPLE, Bitacora, Caller, document, told

AT_RISK = EXAMPLE | {"tabaquismo": 1}


@pytest.mark.parametrize(("patient", "is_at_risk"), [(AT_RISK, True), (EXAMPLE, False)])
async def test_a_patient_is_told_the_risk(
    premium: Caller, app: CardioriskApplication, patient: dict[str, Any], *, is_at_risk: bool
) -> None:
    response = await premium.send("POST", "/service", patient)
    answer = document(response)
    assert (response.code, response.headers["Content-Type"]) == (200, "application/json")
    assert (answer.pop("probabilidad") > 0.9) is is_at_risk
    assert answer == {
        "riesgo_cardiaco": is_at_risk,
        "umbral": 0.5,
        "modelo": app.services.predictor.card.version,
        "aviso": app.services.predictor.card.notice.es,
    }


@pytest.mark.parametrize("method", ["GET", "POST", "QUERY"])
@pytest.mark.parametrize("label", ["application/x-www-form-urlencoded", "multipart/form-data", "x"])
async def test_a_json_body_is_read_with_every_method_whatever_its_label(
    premium: Caller, method: str, label: str
) -> None:
    response = await premium.send(method, "/service", AT_RISK, {"Content-Type": label})
    assert document(response)["riesgo_cardiaco"] is True


async def test_a_get_may_give_the_fields_in_the_query_string(premium: Caller) -> None:
    response = await premium.send("GET", "/service?" + urlencode(AT_RISK | {"tabaquismo": "true"}))
    assert document(response)["riesgo_cardiaco"] is True


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [("POST", "", b'{"edad": NaN}'), ("GET", "?edad=x", None), ("GET", "", None)],
)
async def test_all_faulty_fields_are_named_at_once(
    premium: Caller, method: str, query: str, body: bytes | None
) -> None:
    response = await premium.send(method, f"/service{query}", body)
    assert told(response) == (422, "invalid-patient")
    assert [fault["field"] for fault in document(response)["errors"]] == list(EXAMPLE)


async def test_hostile_field_names_come_back_as_json_and_nothing_else(premium: Caller) -> None:
    body = json.dumps(EXAMPLE | {"<script>\r\nX: y\ud800": 1}).encode()
    response = await premium.send("POST", "/service", body)
    assert response.code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert document(response)["errors"][0]["field"] == "<script>\r\nX: y?"
    assert "X" not in response.headers


@pytest.mark.parametrize("changes", [{}, {"tabaquismo": 1}, {"edad": 51, "azucar": 1.02}])
async def test_an_explained_answer_is_the_plain_one_with_its_reasons_and_adds_up(
    premium: Caller, changes: dict[str, Any]
) -> None:
    plain = document(await premium.send("POST", "/service", EXAMPLE | changes))
    answer = document(await premium.send("POST", "/service?explicar=1", EXAMPLE | changes))
    contributions = answer.pop("contribuciones")
    assert list(contributions) == list(EXAMPLE)
    total = answer.pop("base") + sum(contributions.values())
    assert total == pytest.approx(answer["probabilidad"], abs=1e-6)
    sentences = answer.pop("explicacion")
    assert (sentences["es"][:6], sentences["en"][:11]) == ("La red", "The network")
    assert answer == plain


@pytest.mark.parametrize(
    "query", ["explicar=2&curvas=", "curvas=si&explicar=1.0", "explicar=TRUE&curvas=yes"]
)
async def test_other_words_are_refused_by_name_beside_faulty_fields(
    premium: Caller, query: str
) -> None:
    response = await premium.send("POST", f"/service?{query}", EXAMPLE | {"edad": 400})
    assert response.code == 422
    fields = [fault["field"] for fault in document(response)["errors"]]
    assert (document(response)["code"], fields) == (
        "invalid-patient",
        ["edad", "explicar", "curvas"],
    )
    answer = document(await premium.send("POST", f"/service?{query}", EXAMPLE))
    assert (answer["code"], answer["errors"][-1]["field"]) == ("invalid-query", "curvas")


@pytest.mark.parametrize("method", ["GET", "POST", "QUERY"])
async def test_a_flag_may_be_written_as_python_writes_it(premium: Caller, method: str) -> None:
    response = await premium.send(method, "/service?explicar=True&curvas=False", EXAMPLE)
    assert ("base" in document(response), "curvas" in document(response)) == (True, False)


async def test_what_is_declined_is_left_out(premium: Caller) -> None:
    response = await premium.send("POST", "/service?explicar=false&curvas=0", EXAMPLE)
    assert not {"base", "curvas"} & document(response).keys()


async def test_curves_agree_with_asking_for_each_point(premium: Caller) -> None:
    response = await premium.send("POST", "/service?curvas=1", AT_RISK)
    answer = document(response)
    assert "base" not in answer
    assert list(answer["curvas"]) == list(EXAMPLE)
    for name, value in [("edad", 30), ("nivel_colesterol", 1.5), ("tabaquismo", 0)]:
        curve = answer["curvas"][name]
        asked = document(await premium.send("POST", "/service", AT_RISK | {name: value}))
        place = curve["valores"].index(value)
        assert curve["probabilidades"][place] == pytest.approx(asked["probabilidad"], abs=1e-5)


@pytest.mark.parametrize("method", ["GET", "POST", "QUERY"])
async def test_the_smallest_changes_give_the_answer_that_they_promise(
    premium: Caller, method: str
) -> None:
    sent = EXAMPLE | {"nivel_colesterol": 2.05, "presion_arterial": 1.41, "azucar": 1.8, "edad": 70}
    answer = document(await premium.send(method, "/service?cambios=1", sent))
    assert not {"base", "curvas"} & answer.keys()
    assert [list(change["campos"]) for change in answer["cambios"]] == [["azucar"]]
    for change in answer["cambios"]:
        after = document(await premium.send("POST", "/service", sent | change["campos"]))
        assert {name: after[name] for name in change if name != "campos"} == {
            "probabilidad": pytest.approx(change["probabilidad"], rel=1e-3),
            "riesgo_cardiaco": change["riesgo_cardiaco"],
        }
        assert change["riesgo_cardiaco"] is not answer["riesgo_cardiaco"]
    flags = document(await premium.send(method, "/service?cambios=1", EXAMPLE))["cambios"]
    assert [json.dumps(change["campos"]) for change in flags] == ['{"tabaquismo": 1}']


async def test_reasons_curves_and_changes_together_are_one_request(
    freemium: Caller, bitacora: Bitacora
) -> None:
    query = "explicar=1&curvas=true&cambios=1&" + urlencode(EXAMPLE)
    response = await freemium.send("GET", f"/service?{query}")
    assert {"base", "curvas", "cambios"} <= document(response).keys()
    assert response.headers["RateLimit"].startswith('"freemium";r=4')
    assert bitacora.last()["status"] == 200


@pytest.mark.parametrize(
    ("age", "cholesterol", "fields"), [(99, 3.0, ["nivel_colesterol", "edad"]), (98, 2.9, None)]
)
async def test_values_beyond_the_training_are_warned_of(
    premium: Caller, age: int, cholesterol: float, fields: list[str] | None
) -> None:
    answer = document(await premium.assess(edad=age, nivel_colesterol=cholesterol))
    warned = answer.get("advertencias")
    assert fields == (warned and [warning["field"] for warning in warned])


@pytest.mark.parametrize(
    ("sent", "language", "beginnings"),
    [
        ({}, "es", ("Modelo", "queda", "La red", "1 campo no se puede aceptar: edad", "debe ser")),
        (
            {"Accept-Language": "fr, en-GB;q=0.8, es;q=0.5"},
            "en",
            ("A teaching", "lies", "La red", "1 field cannot be accepted: edad", "must be"),
        ),
    ],
)
async def test_texts_for_people_are_in_the_reader_s_language(
    premium: Caller, sent: dict[str, str], language: str, beginnings: tuple[str, ...]
) -> None:
    old = EXAMPLE | {"edad": 99}
    answers = [
        await premium.send("POST", "/service?explicar=1", old, sent),
        await premium.send("POST", "/predictions", old, sent),
        await premium.send("POST", "/service/lote", {"pacientes": [old, {"edad": 9.5}]}, sent),
        await premium.send("GET", "/model", headers=sent),
        await premium.send("GET", "/predictions", headers=sent),
        await premium.send("POST", "/service", EXAMPLE | {"edad": 100}, sent),
    ]
    for answer in answers:
        assert answer.headers["Content-Language"] == language
        assert answer.headers["Vary"] == "Accept-Language"
    one, kept, batch, model, listed, refused = map(document, answers)
    notices = (one, kept, batch, model, *listed["items"])
    assert all(each["aviso"].startswith(beginnings[0]) for each in notices)
    warned = (one, kept, batch["resultados"][0])
    assert all(each["advertencias"][0]["detail"].startswith(beginnings[1]) for each in warned)
    assert one["explicacion"]["es"].startswith(beginnings[2])
    assert (refused["detail"], refused["title"]) == (
        beginnings[3],
        "The patient's values cannot be accepted",
    )
    faults = {each["field"]: each["detail"] for each in batch["resultados"][1]["errors"]}
    assert faults["edad"].startswith(beginnings[4])
    assert refused["errors"][0]["detail"].startswith(beginnings[4])


async def test_other_details_stay_english(premium: Caller) -> None:
    for path in ("/predictions?limit=0", "/nowhere"):
        response = await premium.send("GET", path, headers={"Accept-Language": "es"})
        assert re.match("1 parameter cannot|there is nothing", document(response)["detail"])
        assert "Content-Language" not in response.headers


class TestInEnglish:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"language": "en"})

    async def test_who_asks_for_no_language_is_told_in_the_one_that_is_set(
        self, premium: Caller
    ) -> None:
        assert document(await premium.assess())["aviso"].startswith("A teaching model")
        spanish = await premium.send("POST", "/service", EXAMPLE, {"Accept-Language": "es"})
        assert document(spanish)["aviso"].startswith("Modelo")


async def test_every_two_values_are_told_over_the_grids_of_the_curves(premium: Caller) -> None:
    path = "/service?curvas=1&mapas=1"
    answer = document(await premium.send("POST", path, EXAMPLE | {"edad": 39}))
    for first, second in (("nivel_colesterol", "edad"), ("edad", "tabaquismo")):
        curves, grid = answer["curvas"], answer["curvas"][first]["valores"]
        row = answer["mapas"][first][second][grid.index((EXAMPLE | {"edad": 39})[first])]
        assert row == pytest.approx(curves[second]["probabilidades"], abs=0.0011)
    assert "mapas" not in document(await premium.send("POST", "/service?curvas=1", EXAMPLE))
