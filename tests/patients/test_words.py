"""Texts for people: each in both languages, and the one that a reader likes best."""

from __future__ import annotations

import re

import pytest

from cardiorisk.patients import words
from cardiorisk.patients.patient import FIELDS, Field
from cardiorisk.patients.words import Language, Said, preferred
from cardiorisk.web.shapes_patients import accepted_of
from tests.support import taking_at_most

TEXTS = [text for text in vars(words).values() if isinstance(text, Said)] + [*words.MEANT.values()]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.en[:30])
def test_a_text_is_in_both_languages_with_the_same_values_to_fill_in(text: Said) -> None:
    spanish, english = (sorted(re.findall(r"\{(\w+)\}", each)) for each in text)
    assert spanish == english
    assert "" not in text
    assert text.es != text.en


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.wire_name)
def test_what_a_field_accepts_is_in_both_languages(field: Field) -> None:
    accepted = accepted_of(field)
    assert accepted.en.startswith(f"be {field.accepted}")
    assert "{" not in accepted.es + accepted.en
    assert bool(field.hint) == bool(field.spanish_hint)
    numbers = [re.findall(r"[0-9.]+", text) for text in accepted]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "es"),
        ("fr", "es"),
        ("en", "en"),
        ("EN-us", "en"),
        ("en-GB,en;q=0.9,es;q=0.8", "en"),
        ("fr, es-MX;q=0.7, en;q=0.3", "es"),
        ("en;q=0, es;q=0.1", "es"),
        ("en;q=0", "es"),
        ("en;q=x", "es"),
        ("en;Q=1, es;q=0.5", "en"),
        ("en ; q=0.9, es;q=0.5", "en"),
        ("en_GB", "en"),
        ("en;q=inf, es;q=0.1", "es"),
        ("en;q=" + "9" * 9000, "es"),
        ("en;q=nan", "es"),
        ("*", "es"),
        (",;=q" * 4000, "es"),
        ("fr," * 4000 + "en", "es"),
    ],
)
def test_a_reader_is_given_the_language_that_it_likes_best(header: str, expected: str) -> None:
    with taking_at_most(seconds=0.1):
        assert preferred(header, "es") == expected


@pytest.mark.parametrize("default", ["es", "en"])
def test_who_likes_neither_is_given_the_default(default: Language) -> None:
    assert preferred("fr, de;q=0.5", default) == default
