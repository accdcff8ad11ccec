"""Names, passwords and addresses: what is accepted, what becomes of it, what is refused."""

from __future__ import annotations

import contextlib
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.errors import InvalidAccount
from cardiorisk.identity.forms import (
    EMAIL,
    MOST_NORMALIZED,
    NEW_PASSWORD,
    PASSWORD,
    USERNAME,
    Login,
    PasswordChange,
    Registration,
    folded,
    parse_login,
    parse_password_change,
    parse_registration,
)
from cardiorisk.store.tables import Account

if TYPE_CHECKING:
    from collections.abc import Callable

ANA = {"username": "ana", "password": "correct horse", "email": "ana@example.org"}


def _faulty(members: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidAccount) as refusal:
        parse_registration(members)
    return [fault.field for fault in refusal.value.faults]


def test_what_follows_the_rules_is_accepted() -> None:
    assert parse_registration(ANA) == Registration("ana", "correct horse", "ana@example.org")


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("  ana ", "ana"),
        ("Ana María", "Ana María"),
        ("Jose\u0301", "Jos\u00e9"),
        ("x" * 80, "x" * 80),
        ("e\u0301" * 80, "\u00e9" * 80),
        ("李", "李"),
    ],
)
def test_a_name_is_kept_trimmed_and_normalized(given_name: str, kept: str) -> None:
    assert parse_registration(ANA | {"username": given_name}).username == kept


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 81, "a\nb", "a\x00b", "a\u202eb", "\ud800", "a\u00a0b", 7, None, ["ana"]],
)
def test_a_name_against_the_rule_is_a_fault(name: object) -> None:
    assert _faulty(ANA | {"username": name}) == ["username"]


@pytest.mark.parametrize(
    "password", ["12345678", "x" * 128, "        ", "contrase\u00f1a", "😀" * 8]
)
def test_a_password_that_follows_the_rule_is_kept_as_it_is(password: str) -> None:
    assert parse_registration(ANA | {"password": password}).password == password


@pytest.mark.parametrize(
    "password", ["", "1234567", "x" * 129, "e\u0301" * 7, "\ud800" * 8, 12345678, None, True]
)
def test_a_password_against_the_rule_is_a_fault(password: object) -> None:
    assert _faulty(ANA | {"password": password}) == ["password"]


@pytest.mark.parametrize("password", ["margarita", "Margarita", "MARGARITA"])
def test_the_name_is_no_password(password: str) -> None:
    assert _faulty(ANA | {"username": "Margarita", "password": password}) == ["password"]


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("Ana@Example.ORG", "ana@example.org"),
        (" ana@example.org ", "ana@example.org"),
        ("ana+risk@mail.example.org", "ana+risk@mail.example.org"),
        ("a@b", "a@b"),
        ("straße@example.org", "straße@example.org"),
        ("a" * 242 + "@example.org", "a" * 242 + "@example.org"),
    ],
)
def test_an_address_is_kept_in_lower_case(address: str, kept: str) -> None:
    assert parse_registration(ANA | {"email": address}).email == kept


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "@",
        "ana@",
        "@example.org",
        "a@b@c",
        "a b@example.org",
        "a@exa mple.org",
        "a@.org",
        "a@example.",
        "a@example..org",
        "a\n@example.org",
        "a" * 243 + "@example.org",
        "\ud800@example.org",
        7,
        None,
    ],
)
def test_an_address_against_the_rule_is_a_fault(address: object) -> None:
    assert _faulty(ANA | {"email": address}) == ["email"]


def test_all_faults_are_found_at_once() -> None:
    members = {"username": "", "password": "short", "email": "nowhere", "admin": True}
    assert _faulty(members) == ["username", "password", "email", "admin"]


def test_what_is_missing_is_a_fault() -> None:
    assert _faulty({}) == ["username", "password", "email"]


@pytest.mark.parametrize(
    ("username", "detail"),
    [
        ({}, "is missing: it must be 1 to 80 printable characters"),
        ({"username": 7}, "must be text"),
        ({"username": ""}, "must be 1 to 80 printable characters"),
    ],
)
def test_a_fault_says_what_is_accepted(username: dict[str, Any], detail: str) -> None:
    members = {"password": "correct horse", "email": "ana@example.org"} | username
    with pytest.raises(InvalidAccount) as refusal:
        parse_registration(members)
    assert [fault.detail for fault in refusal.value.faults] == [detail]


def test_an_unknown_members_name_is_sent_back_short() -> None:
    assert _faulty(ANA | {"x" * 1000: 1}) == ["x" * 64]


@pytest.mark.parametrize("shown", [Registration(**ANA), Login("ana", "correct horse")])
def test_what_is_printed_shows_no_password(shown: object) -> None:
    assert "horse" not in repr(shown)


# Logging in


def test_a_login_is_held_to_no_rule() -> None:
    assert parse_login({"username": "", "password": ""}) == Login("", "")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"username": "ana"},
        {"username": 1, "password": "x"},
        {"username": "\ud800", "password": "x"},
    ],
)
def test_a_login_needs_both_as_text(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidAccount):
        parse_login(members)


def test_a_login_takes_nothing_else() -> None:
    with pytest.raises(InvalidAccount) as refusal:
        parse_login(ANA)
    assert [fault.field for fault in refusal.value.faults] == ["email"]


@pytest.fixture
def normalized_characters(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of every text that is normalized during the test."""
    lengths: list[int] = []
    normalize = unicodedata.normalize

    def recorded(form: Any, text: str) -> str:
        lengths.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", recorded)
    return lengths


@pytest.mark.parametrize("wire_name", ["username", "password", "email", "new_password"])
@pytest.mark.parametrize("parse", [parse_registration, parse_login, parse_password_change])
def test_a_text_far_too_long_is_refused_before_it_is_normalized(
    parse: Callable[[dict[str, Any]], object], wire_name: str, normalized_characters: list[int]
) -> None:
    members = {**ANA, "new_password": "battery staple", wire_name: "a" + "\u0301\u0316" * 15_000}
    with pytest.raises(InvalidAccount) as refusal:
        parse(members)
    assert wire_name in {fault.field for fault in refusal.value.faults}
    assert max(normalized_characters, default=0) <= MOST_NORMALIZED * EMAIL.maximum_characters


def test_a_login_far_too_long_is_told_a_length_and_no_other_rule() -> None:
    with pytest.raises(InvalidAccount) as refusal:
        parse_login({"username": "x" * 321, "password": "x" * 513})
    assert [fault.detail for fault in refusal.value.faults] == [
        "must have at most 80 characters",
        "must have at most 128 characters",
    ]


def test_a_login_of_any_other_length_is_judged() -> None:
    login = parse_login({"username": "x" * 320, "password": "x" * 512})
    assert (len(login.username), len(login.password)) == (320, 512)


# Changing the password


def test_a_change_has_a_login_and_a_new_password() -> None:
    members = {"username": "ana", "password": "old", "new_password": "battery staple"}
    assert parse_password_change(members) == PasswordChange(Login("ana", "old"), "battery staple")


@pytest.mark.parametrize("new", ["short", "Margarita", "x" * 129])
def test_a_new_password_is_held_to_the_rule(new: str) -> None:
    with pytest.raises(InvalidAccount) as refusal:
        parse_password_change({"username": "margarita", "password": "x", "new_password": new})
    assert [fault.field for fault in refusal.value.faults] == ["new_password"]


# Comparing


@pytest.mark.parametrize(
    ("one", "other"), [("ANA", "ana"), ("JOSÉ", "jose\u0301"), ("STRASSE", "straße"), ("Σ", "ς")]
)
def test_names_that_differ_in_case_are_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert folded(folded(text)) == folded(unicodedata.normalize("NFC", folded(text)))


@given(st.text(max_size=80))
def test_a_folded_name_has_room_in_its_column(text: str) -> None:
    assert len(folded(text)) <= 240


def test_what_stands_twice_is_the_same() -> None:
    columns: Any = Account.__table__.c
    assert USERNAME.maximum_characters == columns.name.type.length
    assert EMAIL.maximum_characters == columns.email.type.length
    assert (PASSWORD.minimum_characters, PASSWORD.maximum_characters) == (
        NEW_PASSWORD.minimum_characters,
        NEW_PASSWORD.maximum_characters,
    )


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.floats()))
def test_any_members_can_be_judged(members: dict[str, Any]) -> None:
    for parse in (parse_registration, parse_login, parse_password_change):
        with contextlib.suppress(InvalidAccount):
            parse(members)
