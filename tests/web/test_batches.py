"""Many patients in one request: each in its place, on the window all or none, others not kept."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from cardiorisk.config import Settings
from cardiorisk.errors import MalformedBody
from cardiorisk.limits.window import Verdict
from cardiorisk.routes import CardioriskApplication
from cardiorisk.web.batches import BatchHandler, read_batch
from cardiorisk.web.services import MOST_HELD_BYTES
from tests.support import EXAMPLE, Bitacora, Caller, create_key, document, told

LOTE = "/service/lote"
SMOKER = EXAMPLE | {"tabaquismo": 1}
ODD = [
    EXAMPLE,
    SMOKER | {"sobrepeso": True, "tabaquismo": False, "edad": 40.0},
    {name: EXAMPLE[name] for name in reversed(EXAMPLE)},
    EXAMPLE | {"edad": -0.0, "sobrepeso": 0.0},
    EXAMPLE | {"nivel_colesterol": 3, "azucar": 2.0, "edad": 99},
]
"""Patients who are accepted, and of whom some have warnings."""
FAULTY: list[tuple[bytes, list[str]]] = [
    (b"{}", list(EXAMPLE)),
    (json.dumps(EXAMPLE | {"edad": 400, "azucar": "1"}).encode(), ["azucar", "edad"]),
    (json.dumps(EXAMPLE | {"altura": "}, {"}).encode(), ["altura"]),
    (json.dumps(EXAMPLE).replace("{", '{"edad": 40, ').encode(), ["edad"]),
    (json.dumps(EXAMPLE | {"azucar": float("nan")}).encode(), ["azucar"]),
    (json.dumps(EXAMPLE | {"azucar": [{}, {"}": []}]}).encode(), ["azucar"]),
    (b"[1, 2]", ["pacientes[{}]"]),
    (b"null", ["pacientes[{}]"]),
]
"""Patients who are not, and what the faults are about; in a row of its own, of the place."""


def batch(*patients: bytes) -> bytes:
    return b'{"pacientes": [%b]}' % b", ".join(patients)


def many(count: int) -> bytes:
    return batch(*[json.dumps(EXAMPLE).encode()] * count)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"plans": settings.plans | {"bench": 100_000}})


@pytest.fixture
def bench(http_client: AsyncHTTPClient, base_url: str, settings: Settings) -> Caller:
    return Caller(http_client, base_url, create_key(settings, "berta", "bench"))


async def test_each_is_assessed_as_alone_and_the_line_tells_how_many(
    premium: Caller, bitacora: Bitacora
) -> None:
    alone = [document(await premium.send("POST", "/service", patient)) for patient in ODD]
    answer = document(await premium.send("POST", LOTE, {"pacientes": ODD}))
    shared = {name: answer[name] for name in ("umbral", "modelo", "aviso")}
    assert [row | shared for row in answer["resultados"]] == alone
    assert any("advertencias" in row for row in alone)
    line = bitacora.last()
    assert (line["route"], line["filas"], line["modelo"]) == (LOTE, len(ODD), answer["modelo"])
    assert line["riesgo_cardiaco"] is line["probabilidad"] is None
    assert list(line["timings_ms"]) == ["auth", "limit", "validate", "predict", "total"]


async def test_each_comes_with_its_reasons_if_wanted_for_no_more_of_the_limit(
    premium: Caller,
) -> None:
    alone = [document(await premium.send("POST", "/service?explicar=1", one)) for one in ODD]
    sent = {"pacientes": [*ODD[:2], {}, *ODD[2:]]}
    response = await premium.send("POST", f"{LOTE}?explicar=1", sent)
    answer = document(response)
    assert f"r={50 - len(ODD) - 6};" in response.headers["RateLimit"]
    rows = answer["resultados"]
    assert list(rows.pop(2)) == ["errors"]
    for row, other in zip(rows, alone, strict=True):
        assert row["contribuciones"] == pytest.approx(other["contribuciones"], abs=1e-6)
        assert answer["base"] == other["base"]


@pytest.mark.parametrize("indent", [None, 2])
async def test_a_thousand_keep_their_order(bench: Caller, indent: int | None) -> None:
    patients = [EXAMPLE | {"tabaquismo": number % 3 % 2} for number in range(1000)]
    body = json.dumps({"pacientes": patients}, indent=indent).encode()
    rows = document(await bench.send("POST", LOTE, body))["resultados"]
    assert [row["riesgo_cardiaco"] for row in rows] == [
        bool(patient["tabaquismo"]) for patient in patients
    ]


@pytest.mark.parametrize(("sent", "fields"), FAULTY)
async def test_one_with_faults_keeps_its_place_and_no_other_from_being_assessed(
    bench: Caller, sent: bytes, fields: list[str]
) -> None:
    good = json.dumps(SMOKER).encode()
    places = {0, 100, 230}
    body = batch(*(sent if place in places else good for place in range(231)))
    rows = document(await bench.send("POST", LOTE, body))["resultados"]
    assert {place for place, row in enumerate(rows) if "errors" in row} == places
    for place in places:
        named = [fault["field"] for fault in rows[place]["errors"]]
        assert named == [field.format(place) for field in fields]
    assert all(row["riesgo_cardiaco"] for place, row in enumerate(rows) if place not in places)


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"", (400, "malformed-body")),
        (batch(b"{")[:-3], (400, "malformed-body")),
        (many(1000)[:-1], (400, "malformed-body")),
        (many(2) + b"]}", (400, "malformed-body")),
        (b"[]", (400, "malformed-body")),
        (b"{}", (422, "invalid-patient")),
        (batch(), (422, "invalid-patient")),
        (b'{"pacientes": {}}', (422, "invalid-patient")),
        (many(1001), (422, "invalid-patient")),
        (batch(*[b"1"] * 20_000), (422, "invalid-patient")),
        (batch(*[b"[" * 180 + b"]" * 180] * 900), (422, "invalid-patient")),
        (b'{"pacientes": [], ' + many(1)[1:], (422, "invalid-patient")),
        (b'{"x": 1, ' + many(1)[1:], (422, "invalid-patient")),
        (many(1).ljust(BatchHandler.body_limit_bytes + 1), (413, "body-too-large")),
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole_and_draws_one(
    bench: Caller, bitacora: Bitacora, body: bytes, failure: tuple[int, str]
) -> None:
    response = await bench.send("POST", LOTE, body)
    assert told(response) == failure
    assert response.headers["RateLimit"] == '"bench";r=99999;t=48'
    assert "filas" not in bitacora.last()


async def test_a_parameter_that_cannot_be_accepted_draws_one_for_all_patients(
    bench: Caller, bitacora: Bitacora
) -> None:
    response = await bench.send("POST", f"{LOTE}?explicar=quizas", many(20))
    assert told(response) == (422, "invalid-query")
    assert response.headers["RateLimit"] == '"bench";r=99999;t=48'
    assert "filas" not in bitacora.last()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (LOTE, b"{}"),
        (f"{LOTE}?explicar=quizas", many(1)),
        (LOTE, many(1).ljust(BatchHandler.body_limit_bytes + 1)),
        ("/v2/models/cardiorisk/infer", b"{}"),
    ],
)
async def test_what_is_refused_is_answered_once_it_is_counted(
    premium: Caller,
    app: CardioriskApplication,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: bytes,
) -> None:
    hit, is_asked = app.services.windows.hit, asyncio.Event()
    counted: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def hit_later(account_id: int, limit: int, window: None, want: int) -> object:
        if want:
            is_asked.set()
        return counted if want else hit(account_id, limit, window, want)

    monkeypatch.setattr(app.services.windows, "hit", hit_later)
    answer = asyncio.ensure_future(premium.send("POST", path, body))
    await is_asked.wait()
    assert (await asyncio.wait([answer], timeout=0.1))[1] == {answer}
    counted.set_result(Verdict(allowed=True, limit=50, remaining=7, resets_in_seconds=48))
    response = await answer
    assert response.code in {413, 422}
    assert response.headers["RateLimit"] == '"premium";r=7;t=48'


@pytest.mark.parametrize(
    ("fault", "failure"),
    [(MalformedBody("no"), (429, "rate-limited")), (ZeroDivisionError(), (500, "internal"))],
)
async def test_a_minute_used_up_meanwhile_is_told_but_not_in_place_of_our_own_failure(
    premium: Caller,
    app: CardioriskApplication,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
    failure: tuple[int, str],
) -> None:
    async def fail_later(_: bytes) -> None:
        app.services.limiter.hit(1, 50, want=50)
        raise fault

    monkeypatch.setattr("cardiorisk.web.batches.read_batch", fail_later)
    assert told(await premium.send("POST", LOTE, many(1))) == failure
    assert ("unexpected failure" in caplog.text) == (failure[0] == 500)


async def test_a_body_of_exactly_the_limit_is_read(premium: Caller) -> None:
    response = await premium.send("POST", LOTE, many(1).ljust(BatchHandler.body_limit_bytes))
    assert response.code == 200


@pytest.mark.parametrize("name", ["curvas", "limit"])
async def test_no_parameter_is_offered(premium: Caller, name: str) -> None:
    response = await premium.send("POST", f"{LOTE}?{name}=1", many(1))
    assert told(response) == (422, "invalid-query")
    assert [fault["field"] for fault in document(response)["errors"]] == [name]


async def test_all_draw_on_the_window_or_none(premium: Caller, bitacora: Bitacora) -> None:
    response = await premium.send("POST", LOTE, many(51))
    assert "50 left for 51 patients; send at most 50 at once" in document(response)["detail"]
    response = await premium.send("POST", LOTE, many(45))
    assert response.headers["RateLimit"] == '"premium";r=5;t=48'
    response = await premium.send("POST", LOTE, many(6))
    assert told(response) == (429, "rate-limited")
    assert response.headers["RateLimit"] == '"premium";r=5;t=48'
    assert "5 left for 6 patients" in document(response)["detail"]
    assert "at once" not in document(response)["detail"]
    assert (bitacora.last()["status"], bitacora.last()["filas"]) == (429, 6)
    response = await premium.send("POST", LOTE, batch(*[b"{}"] * 5))
    assert (response.code, response.headers["RateLimit"]) == (200, '"premium";r=0;t=48')
    response = await premium.send("POST", LOTE, b"not even JSON")
    assert told(response) == (429, "rate-limited")


async def test_the_limit_is_exact_however_many_come_at_once(premium: Caller) -> None:
    responses = await asyncio.gather(*(premium.send("POST", LOTE, many(7)) for _ in range(20)))
    assert Counter(response.code for response in responses) == {200: 7, 429: 13}
    assert document(await premium.send("GET", "/account"))["used_this_minute"] == 49


async def test_a_key_s_own_limit_holds_for_a_batch(
    http_client: AsyncHTTPClient, base_url: str, settings: Settings
) -> None:
    limited = Caller(http_client, base_url, create_key(settings, "ana", "premium", limit=3))
    assert (await limited.send("POST", LOTE, many(4))).code == 429
    response = await limited.send("POST", LOTE, many(3))
    assert (response.code, response.headers["RateLimit"]) == (200, '"key";r=0;t=48')


@pytest.mark.parametrize("sent", [json.dumps(EXAMPLE).encode(), b"{}"])
async def test_others_have_many_turns_while_a_batch_is_read(sent: bytes) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await read_batch(batch(*[sent] * 1000))
    counting.cancel()
    assert turns > 10


async def test_the_memory_of_large_bodies_is_bounded(
    bench: Caller, app: CardioriskApplication
) -> None:
    traffic = app.services.traffic
    others = object()
    assert traffic.hold(others, MOST_HELD_BYTES)
    assert told(await bench.send("POST", LOTE, many(1000))) == (503, "overloaded")
    assert (await bench.send("POST", LOTE, many(100))).code == 200
    traffic.let_go(others)
    assert (await bench.send("POST", LOTE, many(1000))).code == 200
    assert traffic.hold(others, MOST_HELD_BYTES), "an answered request still holds some"


async def test_an_operator_sees_how_many_a_batch_held(operator: Caller, premium: Caller) -> None:
    await premium.send("POST", LOTE, many(2))
    lines = document(await operator.send("GET", f"/operator/log?route={LOTE}"))["items"]
    assert [line["filas"] for line in lines] == [2]
