"""The page of kept assessments: one's own alone, as a table and as a file."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from cardiorisk.pages.assessments import newest
from tests.pages.browsing import PASSWORD, Reader
from tests.support import EXAMPLE, SettableClock, document


async def keep(reader: Reader, clock: SettableClock, *names: str | None) -> None:
    """Put an account on premium, and keep one assessment a name."""
    await reader.open("/cuenta")
    await reader.send("/cuenta", accion="plan", plan="premium", password=PASSWORD)
    for name in names:
        clock.now_seconds += 0.001
        body = json.dumps(EXAMPLE | {"nombre": name}).encode()
        assert (await reader.call("POST", "/predictions", body)).code == 201


async def names(reader: Reader, path: str = "/evaluaciones") -> list[str]:
    return re.findall(r'<th scope="row"><span>([^<]*)</span>', await reader.read(path))


async def exported(reader: Reader, query: str = "", separator: str = ";") -> list[dict[str, str]]:
    answer = await reader.open(f"/evaluaciones.csv{query}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig")), delimiter=separator))


async def test_the_newest_stands_first_and_never_with_0_percent(
    ana: Reader, clock: SettableClock
) -> None:
    await keep(ana, clock, "Ana", None)
    assert await names(ana) == ["—", "Ana"]
    assert ">&lt; 0,000001<" in await ana.read("/evaluaciones")


async def test_older_ones_are_on_the_next_page_of_the_same_search(
    ana: Reader, clock: SettableClock
) -> None:
    await keep(ana, clock, *(f"p{number}" for number in range(23)), "other")
    page = await ana.read("/evaluaciones?buscar=p")
    assert "A las más recientes" not in page
    (older,) = re.findall(r'href="(evaluaciones\?[^"]*)" rel="next"', page)
    assert await names(ana, "/" + older.replace("&amp;", "&")) == ["p2", "p1", "p0"]
    last = await ana.read("/" + older.replace("&amp;", "&"))
    assert ('rel="next"' in last, "A las más recientes" in last) == (False, True)


async def test_a_page_that_begins_nowhere_begins_anew(ana: Reader) -> None:
    answer = await ana.open("/evaluaciones?despues=no")
    assert (answer.code, answer.headers["Location"]) == (303, "evaluaciones")
    assert "<b>" not in await ana.read("/evaluaciones?buscar=%22%3E%3Cb%3E")


async def test_nobody_else_s_is_seen_exported_or_deleted(
    ana: Reader, reader: Reader, clock: SettableClock
) -> None:
    await keep(ana, clock, "Ana")
    kept = document(await ana.call("GET", "/predictions"))["items"][0]
    await reader.register("bea")
    assert (await names(reader), await exported(reader)) == ([], [])
    answer = await reader.send("/evaluaciones", evaluacion=kept["id"])
    assert (answer.code, answer.headers["Location"]) == (303, "evaluaciones?hecho=ausente")
    assert await names(ana) == ["Ana"]


async def test_the_file_has_every_value_and_no_formula(ana: Reader, clock: SettableClock) -> None:
    formula = '=HYPERLINK("http://evil.example","x")'
    await keep(ana, clock, formula, 'José, "el"')
    newest, oldest = await exported(ana, "?idioma=en", ",")
    assert newest["nombre"] == 'José, "el"'
    assert oldest["nombre"] == f"'{formula}"
    kept = document(await ana.call("GET", "/predictions"))["items"][0]
    for name in ("id", "created_at", "modelo"):
        assert newest[name] == kept[name]
    for name in (*EXAMPLE, "probabilidad", "umbral", "riesgo_cardiaco"):
        assert float(newest[name]) == float(kept[name])


@pytest.mark.parametrize(
    ("query", "separator", "point"),
    [("", ";", ","), ("?idioma=en", ",", "."), ("?formato=en", ",", "."), ("?formato=x", ";", ",")],
)
async def test_the_file_has_columns_and_numbers_for_a_spreadsheet_of_the_language(
    ana: Reader, clock: SettableClock, query: str, separator: str, point: str
) -> None:
    await keep(ana, clock, "José; el de 1,5")
    (row,) = await exported(ana, query, separator)
    assert row["nombre"] == "José; el de 1,5"
    body = (await ana.open(f"/evaluaciones.csv{query}")).body
    assert body.startswith(codecs.BOM_UTF8 + b'"id"')
    assert f"{separator}{EXAMPLE['presion_arterial']}".replace(".", point) in body.decode()


async def test_no_spreadsheet_finds_a_formula_in_a_file_of_either_language(
    ana: Reader, clock: SettableClock
) -> None:
    formulas = ("a;=1+1", "=1", 'a,"=1', '"=1', ";,@SUM(1)", "a; +1-1", "-1+cmd|' /C calc'!A0")
    await keep(ana, clock, *formulas)
    for query in ("", "?idioma=en"):
        text = (await ana.open(f"/evaluaciones.csv{query}")).body.decode("utf-8-sig")
        cells = re.split("[;,\t\r\n]", text)
        assert len(cells) > 7 * 10
        assert [cell for cell in cells if re.match(r'[\s"]*[=+@-]', cell)] == []


async def test_a_list_is_gone_through_in_batches_up_to_its_most() -> None:
    kept: list[Any] = [str(number) for number in range(7)]
    asked: list[str | None] = []

    async def find(after: str | None, most: int) -> Any:
        asked.append(after)
        first = kept.index(after) + 1 if after else 0
        items = kept[first : first + most]
        return SimpleNamespace(items=items, next_after=items[-1] if items[-1] != "6" else None)

    assert [one async for one in newest(find, most=6, batch=2)] == kept[:6]
    assert [one async for one in newest(find, most=100, batch=4)] == kept
    assert asked == [None, "1", "3", None, "3"]


async def test_exports_are_throttled_like_changes(ana: Reader) -> None:
    for _ in range(60):
        assert (await ana.open("/evaluaciones.csv")).code == 200
    assert (await ana.open("/evaluaciones.csv")).code == 429
