"""The page of kept assessments: one's own alone, as a table and as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from cardiorisk.pages.assessments import harmless, newest
from tests.pages.browsing import PASSWORD, REGISTRATION, Reader, registered
from tests.support import EXAMPLE, document

if TYPE_CHECKING:
    from tests.support import Caller, SettableClock

HOSTILE = "<script>alert(1)</script>"


async def keeping(stranger: Caller, clock: SettableClock, *names: str | None) -> Reader:
    """Register Ana, on premium, and have her keep one assessment a name."""
    reader = await registered(stranger)
    await reader.open("/cuenta")
    await reader.send("/cuenta", accion="plan", plan="premium", password=PASSWORD)
    for name in names:
        clock.now_seconds += 0.001
        body = json.dumps(EXAMPLE | {"nombre": name}).encode()
        assert (await reader.call("POST", "/predictions", body)).code == 201
    return reader


async def bea(stranger: Caller) -> Reader:
    reader = Reader(stranger)
    await reader.open("/registro")
    await reader.send(
        "/registro", **(REGISTRATION | {"username": "bea", "email": "bea@example.org"})
    )
    return reader


async def names(reader: Reader, path: str = "/evaluaciones") -> list[str]:
    page = (await reader.open(path)).body.decode()
    return re.findall(r'<th scope="row"><span>([^<]*)</span>', page)


async def exported(reader: Reader, path: str = "/evaluaciones.csv") -> list[dict[str, str]]:
    answer = await reader.open(path)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))


@pytest.mark.gen_test
async def test_the_newest_stands_first_and_a_hostile_name_is_text(
    stranger: Caller, clock: SettableClock
) -> None:
    reader = await keeping(stranger, clock, "Ana", None, HOSTILE)
    assert await names(reader) == ["&lt;script&gt;alert(1)&lt;/script&gt;", "\u2014", "Ana"]
    assert HOSTILE not in (await reader.open("/evaluaciones")).body.decode()


@pytest.mark.gen_test
async def test_a_percentage_never_breaks_before_its_sign(
    stranger: Caller, clock: SettableClock
) -> None:
    reader = await keeping(stranger, clock, "Ana")
    assert re.search(r">\d+,\d&nbsp;%<", (await reader.open("/evaluaciones")).body.decode())


@pytest.mark.gen_test
async def test_a_search_finds_a_part_of_a_name_and_nothing_by_a_wildcard(
    stranger: Caller, clock: SettableClock
) -> None:
    reader = await keeping(stranger, clock, "Ana Mar\u00eda", "Bruno", "100 %")
    assert await names(reader, "/evaluaciones?buscar=mar") == ["Ana Mar\u00eda"]
    assert await names(reader, "/evaluaciones?buscar=MAR%C3%8D") == ["Ana Mar\u00eda"]
    assert await names(reader, "/evaluaciones?buscar=%25") == ["100 %"]
    assert await names(reader, "/evaluaciones?buscar=_") == []
    page = (await reader.open("/evaluaciones?buscar=%22%3E%3Cb%3E")).body.decode()
    assert "<b>" not in page


@pytest.mark.gen_test
async def test_older_ones_are_on_the_next_page(stranger: Caller, clock: SettableClock) -> None:
    reader = await keeping(stranger, clock, *(f"p{number}" for number in range(23)))
    page = (await reader.open("/evaluaciones?buscar=p")).body.decode()
    (older,) = re.findall(r'href="(evaluaciones\?[^"]*)" rel="next"', page)
    assert await names(reader, "/" + older.replace("&amp;", "&")) == ["p2", "p1", "p0"]


@pytest.mark.gen_test
async def test_a_page_that_begins_nowhere_begins_anew(
    stranger: Caller, clock: SettableClock
) -> None:
    reader = await keeping(stranger, clock)
    answer = await reader.open("/evaluaciones?despues=no")
    assert (answer.code, answer.headers["Location"]) == (303, "evaluaciones")


@pytest.mark.gen_test
async def test_one_is_deleted_for_good(stranger: Caller, clock: SettableClock) -> None:
    reader = await keeping(stranger, clock, "Ana", "Bruno")
    listed = document(await reader.call("GET", "/predictions"))["items"]
    await reader.open("/evaluaciones")
    answer = await reader.send("/evaluaciones?buscar=a", evaluacion=listed[0]["id"])
    shown = "evaluaciones?buscar=a&hecho=borrada"
    assert (answer.code, answer.headers["Location"]) == (303, shown)
    page = (await reader.open(f"/{shown}")).body.decode()
    assert 'role="status">La evaluaci\u00f3n se ha borrado.<' in page
    assert 'action="evaluaciones?buscar=a"' in page
    page = (await reader.open(f"/{shown}&idioma=en")).body.decode()
    assert 'role="status">The assessment has been deleted.<' in page
    assert await names(reader) == ["Ana"]


@pytest.mark.gen_test
async def test_nobody_else_s_is_seen_exported_or_deleted(
    stranger: Caller, clock: SettableClock
) -> None:
    ana = await keeping(stranger, clock, "Ana")
    kept = document(await ana.call("GET", "/predictions"))["items"][0]
    other = await bea(stranger)
    assert await names(other) == []
    assert await exported(other) == []
    answer = await other.send("/evaluaciones", evaluacion=kept["id"])
    assert answer.code == 404
    assert await names(ana) == ["Ana"]


@pytest.mark.gen_test
async def test_the_file_has_every_value_and_no_formula(
    stranger: Caller, clock: SettableClock
) -> None:
    formula = '=HYPERLINK("http://evil.example","x")'
    reader = await keeping(stranger, clock, formula, 'Jos\u00e9, "el"')
    newest, oldest = await exported(reader)
    assert newest["nombre"] == 'Jos\u00e9, "el"'
    assert oldest["nombre"] == f"'{formula}"
    kept = document(await reader.call("GET", "/predictions"))["items"][0]
    for name in ("id", "created_at", "modelo"):
        assert newest[name] == kept[name]
    for name in (*EXAMPLE, "probabilidad", "umbral", "riesgo_cardiaco"):
        assert float(newest[name]) == float(kept[name])


@pytest.mark.gen_test
async def test_the_file_has_what_was_searched_for(stranger: Caller, clock: SettableClock) -> None:
    reader = await keeping(stranger, clock, "Ana", "Bruno")
    rows = await exported(reader, "/evaluaciones.csv?buscar=bru")
    assert [row["nombre"] for row in rows] == ["Bruno"]


@pytest.mark.gen_test
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


@pytest.mark.gen_test
async def test_exports_are_throttleed_like_changes(stranger: Caller, clock: SettableClock) -> None:
    reader = await keeping(stranger, clock)
    for _ in range(60):
        assert (await reader.open("/evaluaciones.csv")).code == 200
    assert (await reader.open("/evaluaciones.csv")).code == 429


@pytest.mark.parametrize("start", "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
def test_a_text_that_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "Ana", "1+1", "'=1"])
def test_any_other_text_is_left_alone(text: str) -> None:
    assert harmless(text) == text
