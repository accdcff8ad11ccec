"""Forms, and the pages that a reader may be sent to."""

from __future__ import annotations

import pytest

from cardiorisk.errors import MalformedBody
from cardiorisk.pages.base import read_form
from cardiorisk.pages.session import local_page


def test_a_form_is_read_with_its_accents_and_its_empty_fields() -> None:
    assert read_form(b"nombre=Jos%C3%A9+P&nota=") == {
        "nombre": "Jos\N{LATIN SMALL LETTER E WITH ACUTE} P",
        "nota": "",
    }


def test_no_body_is_an_empty_form() -> None:
    assert read_form(b"") == {}


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"&".join([b"a=1"] * 21)])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read_form(body)


@pytest.mark.parametrize(
    "page", ["cuenta", "panel", "panel/cuentas", "panel?status=4xx&route=%2Fservice"]
)
def test_a_page_of_ours_is_let_through(page: str) -> None:
    assert local_page(page, "cuenta") == page


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "//evil.example",
        "https://evil.example",
        "https:evil",
        "\\\\evil.example",
        "/\\evil",
        "evil.example",
        "javascript:alert(1)",
        "../cuenta",
        "cuenta\n",
        "cuenta\r\nX: 1",
        "CUENTA",
        "a" * 21,
        "?status=4xx",
        "cuenta?a=b\r\nX: 1",
        "cuenta?//evil.example",
        "cuenta?" + "a" * 601,
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert local_page(text, "cuenta") == "cuenta"
