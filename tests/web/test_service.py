"""``/service``: every way to ask, and every way to ask wrongly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from cardiorisk.model.card import NOTICE
from tests.support import EXAMPLE, document

if TYPE_CHECKING:
    from cardiorisk.routes import CardioriskApplication
    from tests.support import Bitacora, Caller

AT_RISK = EXAMPLE | {"tabaquismo": 1}


@pytest.mark.gen_test
async def test_a_patient_at_risk_is_told_so(premium: Caller, app: CardioriskApplication) -> None:
    response = await premium.send("POST", "/service", AT_RISK)
    answer = document(response)
    assert response.code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert answer.pop("probabilidad") > 0.9
    assert answer == {
        "riesgo_cardiaco": True,
        "umbral": 0.5,
        "modelo": app.services.predictor.card.version,
        "aviso": NOTICE,
    }


@pytest.mark.gen_test
async def test_a_patient_without_risk_is_told_so(premium: Caller) -> None:
    answer = document(await premium.send("POST", "/service", EXAMPLE))
    assert answer["riesgo_cardiaco"] is False
    assert answer["probabilidad"] < 0.1


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["GET", "POST", "QUERY"])
async def test_the_body_is_read_with_every_method(premium: Caller, method: str) -> None:
    response = await premium.send(method, "/service", AT_RISK)
    assert response.code == 200
    assert document(response)["riesgo_cardiaco"] is True


@pytest.mark.gen_test
async def test_a_get_may_give_the_fields_in_the_query_string(premium: Caller) -> None:
    response = await premium.send("GET", "/service?" + urlencode(AT_RISK | {"tabaquismo": "true"}))
    assert document(response)["riesgo_cardiaco"] is True


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "label", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
async def test_a_json_body_is_read_whatever_its_label(premium: Caller, label: str) -> None:
    response = await premium.send("POST", "/service", EXAMPLE, {"Content-Type": label})
    assert response.code == 200


@pytest.mark.gen_test
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff", b"null", b"[" * 60_000])
async def test_a_body_that_is_no_json_object_is_malformed(premium: Caller, body: bytes) -> None:
    response = await premium.send("POST", "/service", body)
    assert response.code == 400
    assert document(response)["code"] == "malformed-body"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nivel_colesterol", 0.99),
        ("presion_arterial", 1.81),
        ("azucar", float("nan")),
        ("azucar", float("inf")),
        ("edad", 40.5),
        ("edad", "40"),
        ("sobrepeso", 2),
        ("tabaquismo", None),
        ("peso", 80),
    ],
)
async def test_a_faulty_field_is_named(premium: Caller, field: str, value: Any) -> None:
    response = await premium.assess(**{field: value})
    assert response.code == 422
    assert document(response)["code"] == "invalid-patient"
    assert [fault["field"] for fault in document(response)["errors"]] == [field]


@pytest.mark.gen_test
async def test_all_faulty_fields_are_named_at_once(premium: Caller) -> None:
    response = await premium.send("POST", "/service", {"edad": 400, "azucar": "?", "sexo": "F"})
    assert {fault["field"] for fault in document(response)["errors"]} == {*EXAMPLE, "sexo"}


@pytest.mark.gen_test
async def test_faults_in_the_query_string_are_named_too(premium: Caller) -> None:
    response = await premium.send("GET", "/service?edad=x&edad=3")
    assert response.code == 422
    assert {fault["field"] for fault in document(response)["errors"]} == set(EXAMPLE)


@pytest.mark.gen_test
async def test_a_key_in_the_query_string_opens_nothing(freemium: Caller, stranger: Caller) -> None:
    query = urlencode(EXAMPLE | {"Authorization": freemium.key, "api_key": freemium.key})
    assert (await stranger.send("GET", f"/service?{query}")).code == 401


@pytest.mark.gen_test
async def test_hostile_field_names_come_back_as_json_and_nothing_else(premium: Caller) -> None:
    body = json.dumps(EXAMPLE | {"<script>\r\nX: y\ud800": 1}).encode()
    response = await premium.send("POST", "/service", body)
    assert response.code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert document(response)["errors"][0]["field"].startswith("<script>")
    assert "X" not in response.headers


@pytest.mark.gen_test
async def test_while_the_network_loads_an_assessment_is_refused(
    premium: Caller, app: CardioriskApplication
) -> None:
    app.services.predictor._artefact = None
    response = await premium.assess()
    assert response.code == 503
    assert document(response)["code"] == "not-ready"
    assert int(response.headers["Retry-After"]) >= 1


def sum_of(answer: dict[str, Any]) -> float:
    return float(answer["base"] + sum(answer["contribuciones"].values()))


@pytest.mark.gen_test
@pytest.mark.parametrize("changes", [{}, {"tabaquismo": 1}, {"edad": 51, "azucar": 1.02}])
async def test_an_explained_answer_adds_up_as_sent(
    premium: Caller, changes: dict[str, Any]
) -> None:
    response = await premium.send("POST", "/service?explicar=1", EXAMPLE | changes)
    answer = document(response)
    assert list(answer["contribuciones"]) == list(EXAMPLE)
    assert sum_of(answer) == pytest.approx(answer["probabilidad"], abs=1e-6)


@pytest.mark.gen_test
async def test_an_explained_answer_is_the_plain_one_with_its_reasons(premium: Caller) -> None:
    plain = document(await premium.send("POST", "/service", AT_RISK))
    explained = document(await premium.send("POST", "/service?explicar=true", AT_RISK))
    assert set(explained.pop("explicacion")) == {"es", "en"}
    del explained["base"], explained["contribuciones"]
    assert explained == plain


@pytest.mark.gen_test
async def test_fields_in_the_query_string_can_be_explained(premium: Caller) -> None:
    response = await premium.send("GET", "/service?explicar=1&" + urlencode(AT_RISK))
    assert document(response)["contribuciones"]["tabaquismo"] > 0.1


@pytest.mark.gen_test
@pytest.mark.parametrize("word", ["0", "false"])
async def test_an_explanation_can_be_declined(premium: Caller, word: str) -> None:
    response = await premium.send("POST", f"/service?explicar={word}", EXAMPLE)
    assert response.code == 200
    assert "base" not in document(response)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "query", ["explicar=2", "explicar=", "explicar=si", "explicar=1&explicar=1"]
)
async def test_any_other_word_for_explaining_is_refused_by_name(
    premium: Caller, query: str
) -> None:
    response = await premium.send("POST", f"/service?{query}", EXAMPLE)
    assert response.code == 422
    assert [fault["field"] for fault in document(response)["errors"]] == ["explicar"]


@pytest.mark.gen_test
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


@pytest.mark.gen_test
async def test_reasons_and_curves_together_are_one_request(
    freemium: Caller, bitacora: Bitacora
) -> None:
    query = "explicar=1&curvas=true&" + urlencode(EXAMPLE)
    response = await freemium.send("GET", f"/service?{query}")
    assert {"base", "curvas"} <= document(response).keys()
    assert response.headers["RateLimit"].startswith('"freemium";r=4')
    assert bitacora.last()["status"] == 200


@pytest.mark.gen_test
async def test_any_other_word_for_curves_is_refused_by_name(premium: Caller) -> None:
    response = await premium.send("POST", "/service?curvas=2&explicar=x", EXAMPLE)
    assert [fault["field"] for fault in document(response)["errors"]] == ["explicar", "curvas"]


@pytest.mark.gen_test
async def test_a_faulty_field_and_a_faulty_parameter_are_named_at_once(premium: Caller) -> None:
    response = await premium.send("POST", "/service?explicar=x", EXAMPLE | {"edad": 400})
    assert [fault["field"] for fault in document(response)["errors"]] == ["edad", "explicar"]


@pytest.mark.gen_test
async def test_inputs_beyond_the_training_are_warned_about(premium: Caller) -> None:
    answer = document(await premium.assess(edad=99, nivel_colesterol=3.0))
    assert [warning["field"] for warning in answer["advertencias"]] == ["nivel_colesterol", "edad"]


@pytest.mark.gen_test
async def test_inputs_that_training_saw_are_not(premium: Caller) -> None:
    assert "advertencias" not in document(await premium.assess(edad=98, nivel_colesterol=2.9))
