"""Names, passwords and addresses: what is accepted, what becomes of it, what is refused."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.identity.texts import (
    Login,
    Registration,
    claimed_name,
    claimed_password,
    clean_address,
    clean_name,
    clean_password,
    folded,
    harmless,
)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("  ana ", "ana"),
        ("Ana María", "Ana María"),
        ("Jose\u0301", "Jos\u00e9"),
        ("x" * 80, "x" * 80),
        ("e\u0301" * 80, "\u00e9" * 80),
        ("李", "李"),
        ("O\u2019Connor-D\u2019Angelo, \u0141. Jr.", "O\u2019Connor-D\u2019Angelo, \u0141. Jr."),
        ("Nguy\u1ec5n Th\u1ecb \u0110\u1eb7ng", "Nguy\u1ec5n Th\u1ecb \u0110\u1eb7ng"),
        ("M\u0331aria \u02bbOk", "M\u0331aria \u02bbOk"),
        ("\u5c71\u7530\u3000\u592a\u90ce", "\u5c71\u7530 \u592a\u90ce"),  # a wide blank
        ("a\u00a0b", "a b"),
        ("\u8fbb\U000e0100", "\u8fbb\U000e0100"),  # the variant that its owner writes
        (
            "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
            "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        ),  # Persian
        ("\u0d9a\u0dca\u200d\u0dbb", "\u0d9a\u0dca\u200d\u0dbb"),  # Sinhala
        ("\u09b0\u200d\u09cd\u09af", "\u09b0\u200d\u09cd\u09af"),  # Bengali
        ("\u05d3\u05b8\u05bc\u05d5\u05b4\u05d3", "\u05d3\u05b8\u05bc\u05d5\u05b4\u05d3"),
    ],
)
def test_a_name_is_kept_trimmed_and_normalized(name: str, kept: str) -> None:
    assert clean_name(name) == kept


@pytest.mark.parametrize(
    "name",
    [
        *("", "   ", "x" * 81, "a\nb", "a\x00b", "\ud800", 7, None, ["ana"]),
        *(
            f"a{hidden}b"
            for hidden in "\u202e\u2066\u200e\u061c\u2028\u00ad\u200b\u2060\ufeff\u180e"
        ),
        *(f"a{hidden}b" for hidden in "\u200c\u200d\U000e0100\u180b\u034f\ufe0f\u3164\u115f\u2800"),
        *("\u200d", "\u200ca", "\u06cc\u200c", "\u06cc\u200d\u0631", "\u0dca\u200d\u200d"),
    ],
)
def test_a_name_against_the_rule_is_none(name: object) -> None:
    assert clean_name(name) is None


def test_a_name_that_differs_only_in_what_nobody_sees_is_the_same() -> None:
    assert folded("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627") == folded(
        "\u0639\u0644\u06cc\u0631\u0636\u0627"
    )


@pytest.mark.parametrize("password", ["12345678", "x" * 128, " " * 8, "contrase\u00f1a", "😀" * 8])
def test_a_password_that_follows_the_rule_is_kept_as_it_is(password: str) -> None:
    assert clean_password(password) == password


def test_a_password_s_accents_are_normalized() -> None:
    assert clean_password("contrasen\u0303a") == "contrase\u00f1a"


@pytest.mark.parametrize(
    "password", ["", "1234567", "x" * 129, "e\u0301" * 7, "\ud800" * 8, 12345678, None, True]
)
def test_a_password_against_the_rule_is_none(password: object) -> None:
    assert clean_password(password) is None


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
    assert clean_address(address) == kept


@pytest.mark.parametrize(
    "address",
    [
        *("", "ana", "@", "ana@", "@example.org", "a@b@c", "a b@example.org", "a@exa mple.org"),
        *("a@.org", "a@example.", "a@example..org", "a\n@example.org", "\ud800@example.org"),
        *("a" * 243 + "@example.org", 7, None),
    ],
)
def test_an_address_against_the_rule_is_none(address: object) -> None:
    assert clean_address(address) is None


@pytest.mark.parametrize("claimed", [claimed_name, claimed_password])
def test_a_login_is_held_to_no_rule_but_a_length(claimed: Callable[[object], str | None]) -> None:
    assert claimed("") == ""
    assert claimed("a\nb") == "a\nb"
    assert claimed(7) is None
    most = 4 * (80 if claimed is claimed_name else 128)
    assert claimed("x" * most) == "x" * most
    assert claimed("x" * (most + 1)) is None


def test_a_login_s_name_is_compared_as_it_is_kept() -> None:
    assert claimed_name(" Jose\u0301 ") == "Jos\u00e9"
    assert claimed_name("\ud800") is None
    assert claimed_name("a\0") is None


@pytest.mark.parametrize(
    "read", [clean_name, clean_password, clean_address, claimed_name, claimed_password]
)
def test_a_text_far_too_long_is_refused_before_it_is_normalized(
    read: Callable[[object], str | None],
) -> None:
    # Normalizing it takes a minute of the processor's time.
    started_s = time.process_time()
    assert read("a" + "\u0301\u0316" * 300_000) is None
    assert time.process_time() - started_s < 5.0


@given(st.none() | st.booleans() | st.text() | st.floats())
def test_anything_can_be_judged(sent: object) -> None:
    for read in (clean_name, clean_password, clean_address, claimed_name, claimed_password):
        assert isinstance(read(sent), str | None)


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


@pytest.mark.parametrize(
    "shown",
    [
        Registration("ana", "correct horse", "a@b"),
        Login("ana", "correct horse"),
    ],
)
def test_what_is_printed_shows_no_password(shown: object) -> None:
    assert "horse" not in repr(shown)


def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe_and_no_other() -> None:
    for start in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20":
        assert harmless(f"{start}1+1") == f"'{start}1+1"
    for other in ("", "-", "Ana", "1+1", "'=1", "-1.5", "+34", "-1,5e-3", "2026-11-22", "a-b; c"):
        assert harmless(other) == other
    for cut in (";", ",", "\t", "\n", '; "', ", \n\t"):
        assert harmless(f"Ana{cut}=1") == f"Ana{cut}'=1"
