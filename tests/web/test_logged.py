"""What every answer has, whoever gives it: its line in the log, its id, its times, its headers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from time import perf_counter

import pytest

from cardiorisk.config import Settings
from cardiorisk.routes import CardioriskApplication
from cardiorisk.store import rows_accounts
from tests.support import EXAMPLE, Bitacora, Caller, changing, document, told


async def test_a_line_is_written_with_every_member(
    premium: Caller, bitacora: Bitacora, app: CardioriskApplication
) -> None:
    response = await premium.send("POST", "/service", EXAMPLE, {"X-Request-ID": "visit-7"})
    line = bitacora.last()
    key_id, timings = line.pop("key_id"), line.pop("timings_ms")
    assert line == {
        "v": 1,
        "ts": "2025-11-24T16:00:12.250000Z",
        "request_id": "visit-7",
        "plan": "premium",
        "method": "POST",
        "route": "/service",
        "status": 200,
        "ip": line["ip"],
        "riesgo_cardiaco": False,
        "probabilidad": document(response)["probabilidad"],
        "modelo": app.services.predictor.card.version,
        "code": None,
    }
    assert line["ip"] in {"127.0.0.1", "::1"}
    assert re.fullmatch(r"key_[0-9a-f]{12}", key_id)
    assert timings


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "route"),
    [
        ("GET", "/healthz", 200, None, "/healthz"),
        ("POST", "/service", 401, "missing-key", "/service"),
        ("DELETE", "/service", 405, "method-not-allowed", "/service"),
        ("BREW", "/service", 405, "method-not-allowed", "/service"),
        ("GET", "/secret/path", 404, "not-found", "*"),
        ("BREW", "/secret/path", 404, "not-found", "*"),
    ],
)
async def test_every_request_has_its_line(
    stranger: Caller,
    bitacora: Bitacora,
    method: str,
    path: str,
    status: int,
    code: str | None,
    route: str,
) -> None:
    response = await stranger.send(method, path)
    line = bitacora.last()
    assert response.code == line["status"] == status
    assert (line["code"], line["route"]) == (code, route)
    assert line["method"] == (method if method != "BREW" else "*")
    assert len(bitacora.lines()) == 1


async def test_a_refusal_keeps_its_key_and_plan_in_the_log(
    freemium: Caller, bitacora: Bitacora
) -> None:
    for _ in range(6):
        await freemium.assess()
    line = bitacora.last()
    assert (line["status"], line["code"], line["plan"]) == (429, "rate-limited", "freemium")
    assert line["riesgo_cardiaco"] is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [(given, re.escape(given)) for given in ("a.B_c~1-2", "x" * 128)]
    + [(given, "[0-9a-f]{32}") for given in ("", "with space", "x" * 129, "ñ", 'a"b', "crk_abc")],
)
async def test_a_request_id_comes_back_and_a_malformed_one_is_replaced(
    stranger: Caller, given: str, kept: str
) -> None:
    response = await stranger.send("GET", "/healthz", headers={"X-Request-ID": given})
    assert re.fullmatch(kept, response.headers["X-Request-ID"])


async def test_the_header_tells_the_times_of_the_log(premium: Caller, bitacora: Bitacora) -> None:
    began_s = perf_counter()
    response = await premium.assess()
    longest_ms = (perf_counter() - began_s) * 1000
    timings = bitacora.last()["timings_ms"]
    told = ", ".join(f"{stage};dur={ms}" for stage, ms in timings.items())
    assert response.headers["Server-Timing"] == told
    assert list(timings) == ["auth", "limit", "validate", "predict", "total"]
    assert 0.01 < timings["total"] < longest_ms
    assert sum(timings.values()) - timings["total"] <= timings["total"] + 0.002  # rounded


async def test_a_log_that_cannot_be_written_gives_503(
    premium: Caller, app: CardioriskApplication
) -> None:
    app.services.bitacora.close()
    response = await premium.assess()
    assert told(response) == (503, "log-unavailable")
    assert "riesgo_cardiaco" not in document(response)
    assert response.headers["RateLimit-Policy"] == '"premium";q=50;w=60'


@pytest.fixture
def full_disk(settings: Settings) -> None:
    log = settings.log_dir / "bitacora.jsonl"
    log.parent.mkdir()
    log.symlink_to("/dev/full")


@pytest.mark.usefixtures("full_disk")
async def test_nothing_is_changed_whose_answer_could_not_be_given(
    stranger: Caller, settings: Settings
) -> None:
    assert (await stranger.send("GET", "/healthz")).code == 503
    ana = {"username": "ana", "password": "correct horse battery", "email": "ana@example.org"}
    assert told(await stranger.send("POST", "/register", ana)) == (503, "log-unavailable")
    with changing(settings) as rows:
        assert rows_accounts.list_accounts(rows, datetime.now(UTC)) == ()


async def test_no_answer_is_cached_or_guessed_at(stranger: Caller) -> None:
    response = await stranger.send("GET", "/healthz")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Server"] == "cardiorisk"


async def test_what_is_logged_is_what_was_answered_to_a_conditional_get(
    stranger: Caller, bitacora: Bitacora
) -> None:
    response = await stranger.send("GET", "/healthz", headers={"If-None-Match": "*"})
    assert response.code == bitacora.last()["status"] == 200


async def test_nothing_of_the_key_or_the_patient_is_in_the_log(
    premium: Caller, bitacora: Bitacora
) -> None:
    await premium.assess(nivel_colesterol=2.718281)
    await premium.send("GET", "/service?nivel_colesterol=2.718281")
    text = bitacora.path.read_text()
    assert str(premium.key)[4:] not in text
    assert "2.718281" not in text
