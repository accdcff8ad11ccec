"""The original system's client, served unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import Caller, SettableClock, document, told

PATIENT: dict[str, Any] = {
    "nombre": "Natalia",
    "presionArterial": 1.4,
    "colesterol": 2.4,
    "azucar": 1.8,
    "edad": 72,
    "sobrepeso": "False",
    "tabaquismo": "False",
}
"""The second record of the course's data, as the original's client sends it."""


async def test_the_original_flow_runs_as_it_stands(stranger: Caller, clock: SettableClock) -> None:
    person = {"username": "test", "password": "test-password", "email": "test@test.com"}
    login = {"username": "test", "password": "test-password"}
    assert (await stranger.send("POST", "/register", person)).code == 201
    tokens = document(await stranger.send("POST", "/login", login))
    test = Caller(stranger.client, stranger.base_url, f"Bearer {tokens['access_token']}")
    codes = [(await test.send("POST", "/freemium/predict", PATIENT)).code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    assert (await stranger.send("POST", "/SwitchToPremium", login)).code == 200
    tokens = document(await stranger.send("POST", "/login", login))
    test = Caller(stranger.client, stranger.base_url, f"Bearer {tokens['access_token']}")
    clock.now_seconds += 1
    made = document(await test.send("POST", "/premium/predict", PATIENT))
    assert made["riesgoCardiaco"] is True
    listed = document(await test.send("GET", "/premium/predict"))
    assert len(listed) == 6  # whichever plan they were made on
    assert listed[0] == made
    assert document(await test.send("GET", f"/premium/predictById/{made['id']}")) == made
    headers = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    assert document(await stranger.send("POST", "/refresh", b"", headers))["access_token"]


async def test_the_answer_has_the_original_s_members_and_is_kept_under_ours(
    premium: Caller,
) -> None:
    made = document(await premium.send("POST", "/premium/predict", PATIENT))
    kept = document(await premium.send("GET", f"/predictions/{made.pop('id')}"))
    assert made == PATIENT | {"sobrepeso": False, "tabaquismo": False, "riesgoCardiaco": True}
    assert (kept["presion_arterial"], kept["nombre"]) == (1.4, "Natalia")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_page_of_its_api_is_still_found(stranger: Caller, method: str) -> None:
    response = await stranger.send(method, "/swagger-ui?x=1")
    assert (response.code, response.headers["Location"]) == (308, "docs")


async def test_everything_may_be_text(premium: Caller) -> None:
    texts = {name: str(value) for name, value in PATIENT.items()}
    sent = texts | {"sobrepeso": "1", "tabaquismo": "0"}
    made = document(await premium.send("POST", "/premium/predict", sent))
    wanted = PATIENT | {"sobrepeso": True, "tabaquismo": False, "riesgoCardiaco": True}
    assert made == wanted | {"id": made["id"]}


async def test_a_password_of_under_8_characters_stays_refused(stranger: Caller) -> None:
    person = {"username": "test", "password": "test", "email": "test@test.com"}
    assert told(await stranger.send("POST", "/register", person)) == (422, "invalid-account")


async def test_the_other_plan_s_routes_are_closed(premium: Caller) -> None:
    for path in ("/freemium/predict", "/freemium/predictById/pred_x"):
        assert told(await premium.send("GET", path)) == (403, "wrong-plan")
    assert told(await premium.send("POST", "/freemium/predict", PATIENT)) == (403, "wrong-plan")


async def test_a_list_that_goes_on_links_to_what_follows(
    premium: Caller, clock: SettableClock
) -> None:
    made = []
    for _ in range(3):
        made.append(document(await premium.send("POST", "/premium/predict", PATIENT))["id"])
        clock.now_seconds += 1
    seen = []
    path: str | None = "/premium/predict?limit=2"
    while path is not None:
        response = await premium.send("GET", path)
        seen.append([one["id"] for one in document(response)])
        link = response.headers.get("Link")
        path = None if link is None else link.partition(">")[0].removeprefix("<")
    assert seen == [[made[2], made[1]], [made[0]]]


async def test_what_cannot_be_accepted_is_refused(premium: Caller) -> None:
    wrong_page = await premium.send("GET", "/premium/predict?limit=0")
    assert told(wrong_page) == (422, "invalid-query")
    wrong_name = await premium.send("POST", "/premium/predict", PATIENT | {"presion_arterial": 1})
    assert told(wrong_name) == (422, "invalid-patient")
