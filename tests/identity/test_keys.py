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
