"""Kept assessments: one's own, in order, and nobody else's."""

from __future__ import annotations

from cardiorisk.routes import CardioriskApplication
from tests.support import EXAMPLE, Bitacora, Caller, SettableClock, document

NAMED = EXAMPLE | {"nombre": "Inés Ñandú"}


async def test_an_assessment_is_kept_as_it_was_given(
    premium: Caller, app: CardioriskApplication
) -> None:
    response = await premium.send("POST", "/predictions", NAMED)
    kept = document(response)
    assert response.code == 201
    assert response.headers["Location"] == f"/predictions/{kept['id']}"
    assert document(await premium.send("GET", response.headers["Location"])) == kept
    assert {name: kept[name] for name in NAMED} == NAMED
    assert kept["riesgo_cardiaco"] is False
    assert kept["modelo"] == app.services.predictor.card.version


async def test_a_value_beyond_what_training_saw_is_warned_of(premium: Caller) -> None:
    response = await premium.send("POST", "/predictions", EXAMPLE | {"nivel_colesterol": 3.0})
    (warning,) = document(response)["advertencias"]
    assert warning["field"] == "nivel_colesterol"


async def test_the_list_is_newest_first_and_paged(premium: Caller, clock: SettableClock) -> None:
    ids: list[str] = []
    for _ in range(3):
        clock.now_seconds += 1
        ids.insert(0, document(await premium.send("POST", "/predictions", EXAMPLE))["id"])
    first = document(await premium.send("GET", "/predictions?limit=2"))
    second = document(await premium.send("GET", f"/predictions?limit=2&after={first['after']}"))
    assert [item["id"] for page in (first, second) for item in page["items"]] == ids
    assert second["after"] is None


async def test_a_deleted_one_is_gone(premium: Caller) -> None:
    path = (await premium.send("POST", "/predictions", EXAMPLE)).headers["Location"]
    response = await premium.send("DELETE", path)
    assert (response.code, response.body) == (204, b"")
    assert (await premium.send("GET", path)).code == 404
    assert (await premium.send("DELETE", path)).code == 404


async def test_nobody_else_s_is_ever_seen(premium: Caller, freemium: Caller) -> None:
    path = (await premium.send("POST", "/predictions", NAMED)).headers["Location"]
    by_id = f"/freemium/predictById/{path.rpartition('/')[2]}"
    assert document(await freemium.send("GET", "/predictions"))["items"] == []
    assert document(await freemium.send("GET", "/freemium/predict")) == []
    for method, wanted in (("GET", path), ("DELETE", path), ("GET", by_id)):
        assert (await freemium.send(method, wanted)).code == 404
    assert (await premium.send("GET", path)).code == 200


async def test_the_line_names_the_route_and_the_store_s_time(
    premium: Caller, bitacora: Bitacora
) -> None:
    response = await premium.send("POST", "/predictions", NAMED)
    line = bitacora.last()
    assert line["riesgo_cardiaco"] is False
    assert list(line["timings_ms"]) == ["auth", "limit", "validate", "predict", "store", "total"]
    await premium.send("GET", response.headers["Location"])
    assert bitacora.last()["route"] == "/predictions/{id}"
    assert "Ñandú" not in bitacora.path.read_text()
