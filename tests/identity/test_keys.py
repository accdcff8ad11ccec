"""The key's form: what is random, what is checked, what is kept."""

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.identity import keys

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

made_keys = st.builds(keys.new_key)


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 62 + BASE62.index(digit)
    return number


def test_a_key_is_crk_then_36_base62_characters() -> None:
    assert re.fullmatch(r"crk_[0-9A-Za-z]{36}", keys.new_key())


def test_no_two_of_a_thousand_keys_are_alike() -> None:
    assert len({keys.new_key() for _ in range(1000)}) == 1000


@given(made_keys)
def test_the_last_six_characters_are_the_crc32_of_the_others(key: str) -> None:
    assert _number(key[-6:]) == zlib.crc32(key[:-6].encode())


@given(made_keys, st.integers(0, 39), st.characters())
def test_any_one_changed_character_is_noticed(key: str, place: int, character: str) -> None:
    changed = key[:place] + character + key[place + 1 :]
    assert keys.is_well_formed(changed) is (changed == key)


@given(made_keys, st.integers(0, 38))
def test_two_swapped_neighbours_are_noticed(key: str, place: int) -> None:
    swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
    assert keys.is_well_formed(swapped) is (swapped == key)


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    assert keys.is_well_formed(text) in {True, False}


@pytest.mark.parametrize("text", ["", "crk_", " " * 40, "crk_" + "é" * 36, "crk_" + "0" * 37])
def test_what_is_no_key_is_not_well_formed(text: str) -> None:
    assert not keys.is_well_formed(text)


def test_the_visible_prefix_shows_six_of_the_random_characters() -> None:
    key = keys.new_key()
    assert keys.visible_prefix(key) == key[:10]


def test_a_text_may_hold_a_key_where_more_than_the_visible_prefix_is_there() -> None:
    key = keys.new_key()
    texts = (key, f" {key}", key[:11], key[:10], "ana", "")
    assert [keys.may_hold_key(text) for text in texts] == [True, True, True, False, False, False]


def test_a_key_id_says_nothing_of_the_key() -> None:
    assert re.fullmatch(r"key_[0-9a-f]{12}", keys.new_key_id())


# Imported keys


@given(st.binary(min_size=16, max_size=48))
def test_what_may_be_imported_is_short_plain_and_no_token(secret: bytes) -> None:
    text = secret.hex()
    assert keys.may_be_key(text) is (24 <= len(text) <= 128)
    for spoilt in (text[:20] + " " * 8, text[:20] + "\u00f1" * 8, f"crk_{text}"[:40]):
        assert not keys.may_be_key(spoilt)


@pytest.mark.parametrize(
    "key",
    [
        "9f86d081884c7d659a2feaa0c55ad015",
        "E3B0C44298FC1C149AFBF4C8996FB924",
        "7d444840-9dc0-11d1-b245-5ffdce74fad2",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "mZ8qT2vX9cLr4WnB7kYs1JdH",
        "Gk3v9XqL-_7sPz2TnB8wYd4RfHc6MjEa1UoKiV0xC5t",
    ],
)
def test_a_key_that_a_generator_made_is_strong_enough(key: str) -> None:
    assert keys.weakness(key) is None
    assert (keys.may_be_key(key), keys.visible_prefix(key)) == (True, key[:4])


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("", "24 to 128"),
        ("mZ8qT2vX9cLr4WnB7kYs1Jd", "24 to 128"),
        ("mZ8qT2vX9cLr4WnB" * 9, "24 to 128"),
        ("mZ8qT2vX9cLr 4WnB7kYs1JdH", "no blanks"),
        ("mZ8qT2vX9cLr4WnB7kYs1JdH\n", "but a line end"),
        ("mZ8qT2vX9cLr4WnB7kYs1Jd\u00f1", "ASCII"),
        ("crk_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX", "mistyped"),
        ("a" * 40, "repeats"),
        ("0123456789abcdef0123456789abcdef", "counts"),
        ("A1b2C3d4E5f6G7h8I9j0K1l2", "counts"),
        ("x9K2mQ7p" * 4, "repeats"),
        ("P4ssw0rd-of-2026-9K2mQ7px", "common word"),
        ("correct-horse-battery-staple", "mix"),
        ("la-clave-de-la-planta-de-arriba", "mix"),
    ],
)
def test_a_key_that_can_be_guessed_is_refused_with_the_rule(key: str, rule: str) -> None:
    assert rule in str(keys.weakness(key))


@given(made_keys)
def test_one_of_our_own_may_come_from_another_database(key: str) -> None:
    assert keys.weakness(key) is None
