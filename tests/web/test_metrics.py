"""What Prometheus is told is what happened, to whom it may be told, and it cannot grow."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cardiorisk.routes import CardioriskApplication
from cardiorisk.web.proxies import FORWARDING_HEADERS
from tests.support import Bitacora, Caller, told

ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def value(found: Samples, name: str, **labels: str) -> float:
    return found[f"cardiorisk_{name}", frozenset(labels.items())]


async def scrape(caller: Caller) -> Samples:
    response = await caller.send("GET", "/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("header", FORWARDING_HEADERS)
async def test_a_forwarded_request_needs_a_key(stranger: Caller, header: str) -> None:
    response = await stranger.send("GET", "/metrics", headers={header: "203.0.113.7"})
    assert told(response) == (401, "missing-key")


async def test_who_is_known_and_no_operator_is_refused(premium: Caller) -> None:
    assert told(await premium.send("GET", "/metrics")) == (403, "operator-only")


@pytest.mark.parametrize(
    ("host", "is_let_in"),
    [
        *((host, True) for host in ("localhost:8888", "a.LOCALHOST", "127.8.9.10", "[::1]:8888")),
        *((host, False) for host in ("rebound.example:8888", "10.0.0.1", "localhost.example", "[")),
    ],
)
async def test_this_machine_must_be_asked_for_by_name(
    stranger: Caller, *, host: str, is_let_in: bool
) -> None:
    response = await stranger.send("GET", "/metrics", headers={"Host": host})
    assert response.code == (200 if is_let_in else 401)


async def test_requests_are_counted_by_method_route_and_status_and_their_stages_timed(
    premium: Caller, stranger: Caller
) -> None:
    for _ in range(3):
        await premium.assess()
    await premium.assess(edad=-1)
    await premium.send("GET", "/predictions/none")
    await stranger.assess()
    found = await scrape(stranger)
    service = {"method": "POST", "route": "/service"}
    for status, count in {"200": 3, "422": 1, "401": 1}.items():
        assert value(found, "requests_total", **service, status=status) == count
    for stage, count in {"limit": 5, "validate": 4, "predict": 3}.items():
        assert value(found, "stage_seconds_count", stage=stage) == count
        assert value(found, "stage_seconds_bucket", stage=stage, le="10") == count
    total = value(found, "stage_seconds_sum", stage="total")
    assert 0 < value(found, "stage_seconds_sum", stage="predict") < total < 60
    unknown = {"method": "GET", "route": "/predictions/{id}", "status": "404"}
    assert value(found, "requests_total", **unknown) == 1


async def test_all_failures_have_their_series_from_the_start_and_hostile_paths_make_none(
    stranger: Caller,
) -> None:
    before = await scrape(stranger)
    for status in ("200", "400", "401", "413", "422", "429", "500", "503"):
        labels = {"method": "POST", "route": "/service", "status": status}
        assert value(before, "requests_total", **labels) == 0
    for number in range(20):
        await stranger.client.fetch(
            f"{stranger.base_url}/nowhere/{number}",
            method=f"HOSTILE{number}",
            raise_error=False,
            allow_nonstandard_methods=True,
        )
    after = await scrape(stranger)
    fresh = {labels for name, labels in after.keys() - before.keys()}
    assert fresh == {frozenset({("method", "*"), ("route", "*"), ("status", "404")})}
    assert value(after, "requests_total", method="*", route="*", status="404") == 20


async def test_what_other_rooms_count_is_told(
    premium: Caller, stranger: Caller, app: CardioriskApplication, bitacora: Bitacora
) -> None:
    for _ in range(3):
        await premium.assess()
    found = await scrape(stranger)
    assert value(found, "memo_lookups_total", result="miss") == 1
    assert value(found, "memo_lookups_total", result="hit") == 2
    assert value(found, "memo_entries", kind="known") == 1
    assert value(found, "batch_patients_count") == 3
    assert value(found, "batch_patients_sum") == 3
    assert value(found, "batch_patients_bucket", le="1") == 3
    assert value(found, "queue_patients") == 0
    assert value(found, "open_requests") == 1
    assert value(found, "bitacora_lines_total") == len(bitacora.lines()) - 1 == 3
    version = app.services.predictor.card.version
    assert value(found, "model_info", version=version) == 1
    await app.services.predictor.close()
    assert not [name for name, _ in await scrape(stranger) if name == "cardiorisk_model_info"]


async def test_an_operator_reads_them_from_elsewhere_and_there_is_never_a_key_in_them(
    operator: Caller, premium: Caller
) -> None:
    await premium.assess()
    await premium.send("GET", f"/{premium.key}")
    text = (await operator.send("GET", "/metrics", headers=ELSEWHERE)).body.decode()
    assert not [secret for secret in ("crk_", "bruno") if secret in text]
