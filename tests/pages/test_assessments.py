"""The page of kept assessments: one's own alone, as a table and as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from types import SimpleNamespace
from typing import Any

from cardiorisk.pages.assessments import harmless, newest
from tests.pages.browsing import PASSWORD, Reader, text
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


async def exported(reader: Reader, path: str = "/evaluaciones.csv") -> list[dict[str, str]]:
    answer = await reader.open(path)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))


async def test_the_newest_stands_first_with_its_percentage(
    ana: Reader, clock: SettableClock
) -> None:
    await keep(ana, clock, "Ana", None)
    assert await names(ana) == ["—", "Ana"]
    # The percentage never breaks before its sign.
    assert re.search(r">\d+,\d&nbsp;%<", await ana.read("/evaluaciones"))


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
    assert (answer.code, "No existe esa evaluación." in text(answer)) == (404, True)
    assert await names(ana) == ["Ana"]


async def test_the_file_has_every_value_and_no_formula(ana: Reader, clock: SettableClock) -> None:
    formula = '=HYPERLINK("http://evil.example","x")'
    await keep(ana, clock, formula, 'José, "el"')
    newest, oldest = await exported(ana)
    assert newest["nombre"] == 'José, "el"'
    assert oldest["nombre"] == f"'{formula}"
    kept = document(await ana.call("GET", "/predictions"))["items"][0]
    for name in ("id", "created_at", "modelo"):
        assert newest[name] == kept[name]
    for name in (*EXAMPLE, "probabilidad", "umbral", "riesgo_cardiaco"):
        assert float(newest[name]) == float(kept[name])


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


def test_a_text_that_a_spreadsheet_would_run_is_quoted_and_no_other() -> None:
    for start in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20":
        assert harmless(f"{start}1+1") == f"'{start}1+1"
    for other in ("", "Ana", "1+1", "'=1"):
        assert harmless(other) == other
