"""Operators see how the service is, look accounts up, and change them; nobody else does."""

from __future__ import annotations

import pytest

from cardiorisk.config import Settings
from cardiorisk.routes import API_ROUTES
from cardiorisk.web.handlers import OperatorHandler
from cardiorisk.web.status import MetricsHandler
from tests.support import EXAMPLE, Bitacora, Caller, create_key, document, told

ROUTES = [
    (route.template.replace("{id}", "1").replace("{key_id}", "key_1"), method)
    for route in API_ROUTES
    if issubclass(route.handler, OperatorHandler) and route.handler is not MetricsHandler
    for method in route.handler.allowed_methods
]


async def number_of(operator: Caller, name: str) -> int:
    found = document(await operator.send("GET", f"/operator/accounts?search={name}"))
    number: int = found["items"][0]["account_id"]
    return number


@pytest.mark.parametrize(("path", "method"), ROUTES)
async def test_who_is_no_operator_is_refused(
    premium: Caller, stranger: Caller, path: str, method: str
) -> None:
    body = b"" if method == "POST" else None
    assert told(await premium.send(method, path, body)) == (403, "operator-only")
    assert told(await stranger.send(method, path, body)) == (401, "missing-key")


async def test_an_operator_s_requests_are_logged_and_not_counted(
    operator: Caller, bitacora: Bitacora
) -> None:
    for _ in range(7):
        response = await operator.send("GET", "/operator/overview")
        assert (response.code, response.headers["RateLimit"]) == (200, '"freemium";r=5;t=48')
    assert [line["route"] for line in bitacora.lines()] == ["/operator/overview"] * 7


async def test_the_overview_tells_what_has_happened(operator: Caller, freemium: Caller) -> None:
    for _ in range(7):
        await freemium.assess()
    await freemium.assess(edad=1000)
    found = document(await operator.send("GET", "/operator/overview"))
    recent = found["last_5_minutes"]
    assert recent["by_status"] == {"200": 5, "429": 3}
    assert recent["refusals_by_plan"] == {"freemium": 3}
    assert recent == found["last_hour"]
    stages = recent["stages_ms"]
    assert set(stages) == {"auth", "limit", "validate", "predict", "total"}
    assert (stages["predict"]["count"], stages["total"]["count"]) == (5, 8)
    assert 0 < stages["total"]["p50"] <= stages["total"]["p99"]
    assert found["drift"]["answers"] == 5
    assert found["minutes"][-1]["requests"] == 8
    assert found["started_at"] <= found["at"]
    assert recent["logins"] == {}
    await freemium.send("POST", "/login", {"username": "ana", "password": "wrong"})
    again = document(await operator.send("GET", "/operator/overview"))
    assert again["last_hour"]["logins"] == {"401": 1}
    assert (found["open_requests"], found["active_accounts"]) == (1, 1)
    assert found["memo"]["known"] in {1, 2}  # it forgets all when another process writes
    assert found["bitacora"]["lines"] == 8


@pytest.fixture
def logged_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the patients' values written to the log; use it before the settings are made."""
    monkeypatch.setenv("CARDIORISK_LOG_INPUTS", "1")


@pytest.mark.usefixtures("logged_inputs")
async def test_the_values_of_a_patient_are_not_told(
    operator: Caller, freemium: Caller, bitacora: Bitacora
) -> None:
    await freemium.assess()
    assert bitacora.last()["inputs"] == EXAMPLE
    (line,) = document(await operator.send("GET", "/operator/log"))["items"]
    assert (line["route"], "inputs" in line) == ("/service", False)


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("", [404, 422, 200]),
        ("status=4xx", [404, 422]),
        ("route=/service&limit=1", [422]),
        ("account=ANA", [422, 200]),
        ("account=olga", []),
    ],
)
async def test_lines_are_chosen(
    operator: Caller, freemium: Caller, stranger: Caller, query: str, statuses: list[int]
) -> None:
    await freemium.assess()
    await freemium.assess(edad=1000)
    await stranger.send("GET", "/nowhere")
    found = document(await operator.send("GET", f"/operator/log?{query}"))
    assert [line["status"] for line in found["items"]] == statuses
    assert (found["exhaustive"], found["searched_bytes"] > 0) == (True, True)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0&statuses=1&status=200&status=404", ["limit", "status", "statuses"]),
        ("account=nobody", ["account"]),
    ],
)
async def test_a_search_that_cannot_be_meant_is_refused(
    operator: Caller, query: str, fields: list[str]
) -> None:
    response = await operator.send("GET", f"/operator/log?{query}")
    assert told(response) == (422, "invalid-query")
    assert [fault["field"] for fault in document(response)["errors"]] == fields


async def test_accounts_are_listed_a_page_at_a_time(
    operator: Caller, freemium: Caller, premium: Caller
) -> None:
    assert None not in (freemium.key, premium.key)
    first = document(await operator.send("GET", "/operator/accounts?limit=2"))
    rest = document(await operator.send("GET", f"/operator/accounts?after={first['after']}"))
    names = [account["username"] for account in first["items"] + rest["items"]]
    assert (names, rest["after"]) == (["olga", "ana", "bruno"], None)


@pytest.mark.parametrize("number", ["999", "0", "-1", "ana", "1.0", "9" * 19, "9" * 5000])
async def test_a_number_that_is_nobody_s_is_unknown(operator: Caller, number: str) -> None:
    response = await operator.send("GET", f"/operator/accounts/{number}")
    assert told(response) == (404, "unknown-account")


async def test_a_suspension_of_another_holds_from_the_next_request_on(
    operator: Caller, freemium: Caller
) -> None:
    assert (await freemium.assess()).code == 200
    number = await number_of(operator, "ana")
    suspended = await operator.send("POST", f"/operator/accounts/{number}/suspend", b"")
    assert document(suspended)["suspended_at"]
    assert told(await freemium.assess()) == (403, "suspended")
    resumed = await operator.send("POST", f"/operator/accounts/{number}/resume", b"")
    assert document(resumed)["suspended_at"] is None
    assert "r=3;" in (await freemium.assess()).headers["RateLimit"]  # a refusal is not counted
    own = f"/operator/accounts/{await number_of(operator, 'olga')}/suspend"
    assert told(await operator.send("POST", own, b"")) == (409, "conflict")


async def test_one_key_is_ended_under_its_own_account_from_the_next_request_on(
    operator: Caller, freemium: Caller, settings: Settings
) -> None:
    other = create_key(settings, "ana", "freemium")
    assert (await freemium.assess()).code == 200
    number, olga = await number_of(operator, "ana"), await number_of(operator, "olga")
    shown = document(await operator.send("GET", f"/operator/accounts/{number}"))
    ending = f"keys/{shown['keys'][0]['key_id']}/revoke"
    for wrong, code in ((olga, "unknown-key"), (999, "unknown-account")):
        response = await operator.send("POST", f"/operator/accounts/{wrong}/{ending}", b"")
        assert told(response) == (404, code)
    path = f"/operator/accounts/{number}/{ending}"
    first, second = [document(await operator.send("POST", path, b"")) for _ in range(2)]
    assert (first["status"], first["revoked_at"]) == ("revoked", second["revoked_at"])
    assert told(await freemium.assess()) == (401, "invalid-key")
    freemium.key = other
    assert (await freemium.assess()).code == 200


async def test_a_plan_holds_from_the_next_request_on(operator: Caller, freemium: Caller) -> None:
    await freemium.assess()
    number = await number_of(operator, "ana")
    changed = await operator.send("POST", f"/operator/accounts/{number}/plan", {"plan": "premium"})
    assert document(changed)["requests_per_minute"] == 50
    assert (await freemium.assess()).headers["RateLimit-Policy"] == '"premium";q=50;w=60'
    refused = await operator.send("POST", f"/operator/accounts/{number}/plan", {"plan": "gold"})
    assert told(refused) == (422, "invalid-account")


async def test_an_account_is_deleted_from_the_next_request_on(
    operator: Caller, freemium: Caller
) -> None:
    assert (await freemium.assess()).code == 200
    path = f"/operator/accounts/{await number_of(operator, 'ana')}"
    assert (await operator.send("DELETE", path)).code == 204
    assert told(await freemium.assess()) == (401, "invalid-key")
    assert told(await operator.send("DELETE", path)) == (404, "unknown-account")
    own = f"/operator/accounts/{await number_of(operator, 'olga')}"
    assert told(await operator.send("DELETE", own)) == (409, "conflict")
