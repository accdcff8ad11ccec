"""Bodies about accounts and keys: what they give, and every fault at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from cardiorisk.errors import FieldFault, InvalidAccount, MalformedBody
from cardiorisk.identity.texts import Login, Registration
from cardiorisk.web.shapes import MOST_UNKNOWN, Sent
from cardiorisk.web.shapes_accounts import (
    KeyWishBody,
    LoginBody,
    PasswordChangeBody,
    PlanChangeBody,
    RegistrationBody,
    RotationWishBody,
)

ANA = {"username": "ana", "password": "correct horse", "email": "ana@example.org"}


def told(shape: type[Sent], members: dict[str, Any]) -> dict[str, str]:
    """Return what is said of each faulty member, in order."""
    with pytest.raises(InvalidAccount) as refusal:
        shape.accept(members)
    return {fault.field: fault.detail for fault in refusal.value.faults}


def test_a_registration_is_clean() -> None:
    given = RegistrationBody.accept(ANA | {"username": " ana ", "email": "Ana@Example.ORG"})
    assert Registration(**dict(given)) == Registration(**ANA)


def test_all_faults_of_a_registration_are_told_at_once() -> None:
    members = {"username": "", "password": "short", "email": "nowhere", "admin": True}
    assert told(RegistrationBody, members) == {
        "username": "must be 1 to 80 printable characters",
        "password": "must have 8 to 128 characters and not be the name",
        "email": "must be an e-mail address of at most 254 characters",
        "admin": "is not a field of this request",
    }
    assert told(RegistrationBody, {})["username"] == (
        "is missing: it must be 1 to 80 printable characters"
    )


@pytest.mark.parametrize("password", ["margarita", "Margarita", "MARGARITA"])
def test_the_name_is_no_password_whatever_else_is_wrong(password: str) -> None:
    members = {"username": "Margarita", "password": password, "email": ""}
    assert list(told(RegistrationBody, members)) == ["password", "email"]
    members = {"username": "Margarita", "password": "", "new_password": password}
    assert list(told(PasswordChangeBody, members)) == ["new_password"]


def test_a_login_is_held_to_no_rule_but_is_text() -> None:
    assert LoginBody.accept({"username": "", "password": ""}).login == Login("", "")
    assert told(LoginBody, {"username": 1, "email": "a@b"}) == {
        "username": "must be text of at most 80 characters",
        "password": "is missing: it must be text of at most 128 characters",
        "email": "is not a field of this request",
    }


def test_a_change_has_a_login_and_a_new_password() -> None:
    members = {"username": "ana", "password": "old", "new_password": "battery staple"}
    change = PasswordChangeBody.accept(members)
    assert (change.login, change.new_password) == (Login("ana", "old"), "battery staple")
    assert list(told(PasswordChangeBody, members | {"new_password": "x" * 129})) == ["new_password"]


@pytest.mark.parametrize("body", [b"", b"[]"])
def test_a_body_that_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody, match=r"with the field plan$"):
        PlanChangeBody.read(body)


def test_a_field_that_is_given_twice_is_refused() -> None:
    with pytest.raises(InvalidAccount) as refusal:
        PlanChangeBody.read(b'{"plan": "a", "plan": "b"}')
    assert refusal.value.faults[0].detail == "is given more than once"


def test_a_plan_is_one_text() -> None:
    assert PlanChangeBody.read(b'{"plan": "premium"}').plan == "premium"
    assert list(told(PlanChangeBody, {"plan": 3, "more": 1})) == ["plan", "more"]


# Keys


@pytest.mark.parametrize(
    ("body", "lifetime"),
    [
        (b"", None),
        (b"{}", None),
        (b'{"expires_days": null}', None),
        (b'{"expires_days": 1}', timedelta(days=1)),
        (b'{"expires_days": 90.0}', timedelta(days=90)),
        (b'{"expires_days": 36500}', timedelta(days=36_500)),
    ],
)
def test_a_lifetime_is_read(body: bytes, lifetime: timedelta | None) -> None:
    assert KeyWishBody.read(body).lifetime == lifetime


@pytest.mark.parametrize(
    ("body", "minutes"),
    [
        (b"", None),
        (b'{"grace_minutes": null}', None),
        (b'{"grace_minutes": 0}', 0),
        (b'{"grace_minutes": 525600}', 525_600),
    ],
)
def test_a_grace_is_read(body: bytes, minutes: int | None) -> None:
    assert RotationWishBody.read(body).grace_minutes == minutes


@pytest.mark.parametrize(
    "value", ["0", "-1", "36501", "1.5", '"one"', "true", "[]", "NaN", "Infinity", "1" * 400]
)
@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "x" * 4000, "a\nb", "\ud800", 7, ["a"], True])
def test_a_wish_that_is_none_has_both_faults(value: str, name: object) -> None:
    with pytest.raises(InvalidAccount) as refusal:
        KeyWishBody.read(f'{{"expires_days": {value}, "name": {json.dumps(name)}}}'.encode())
    assert {fault.field: fault.detail for fault in refusal.value.faults} == {
        "name": "must be text that is 1 to 80 printable characters",
        "expires_days": "must be an integer from 1 to 36500",
    }


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ('"7"', "is text; send it without quotes"),
        ('"0"', "is text; send it without quotes: it must be an integer from 1 to 36500"),
    ],
)
def test_a_number_in_quotes_is_told_so(value: str, detail: str) -> None:
    with pytest.raises(InvalidAccount) as refusal:
        KeyWishBody.read(f'{{"expires_days": {value}}}'.encode())
    assert refusal.value.faults == (FieldFault("expires_days", detail),)


def test_a_wish_s_member_that_is_repeated_or_unknown_is_a_fault() -> None:
    with pytest.raises(InvalidAccount) as refusal:
        RotationWishBody.read(b'{"name": 1, "grace_minutes": 1, "grace_minutes": 1}')
    assert [fault.field for fault in refusal.value.faults] == ["grace_minutes", "name"]


def test_a_form_says_nothing_by_an_empty_field() -> None:
    empty = KeyWishBody.read_form({"name": " ", "expires_days": ""})
    assert (empty.name, empty.lifetime) == (None, None)
    wish = KeyWishBody.read_form({"name": " desk ", "expires_days": " 30 "})
    assert (wish.name, wish.lifetime) == ("desk", timedelta(days=30))


@pytest.mark.parametrize("days", ["0", "36501", "1.5", "ten", "٣", "1" * 30])
def test_a_form_s_days_that_are_none_are_a_fault(days: str) -> None:
    with pytest.raises(InvalidAccount) as refusal:
        KeyWishBody.read_form({"expires_days": days})
    assert [fault.field for fault in refusal.value.faults] == ["expires_days"]


def test_of_thousands_of_unknown_members_some_are_told() -> None:
    body = json.dumps({f"m{place}": 0 for place in range(5_000)}).encode()
    with pytest.raises(InvalidAccount) as refused:
        LoginBody.read(body)
    told = [fault.field for fault in refused.value.faults]
    assert told == ["username", "password", *(f"m{place}" for place in range(MOST_UNKNOWN))]
