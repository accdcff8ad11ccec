"""The page of kept assessments: one's own alone, as a table and as a file."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re

import pytest

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
    return re.findall(r'<th scope="row"><a[^>]*>([^<]*)</a>', await reader.read(path))


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


async def test_the_rest_is_on_the_next_pages_of_the_same_search(
    ana: Reader, clock: SettableClock
) -> None:
    await keep(ana, clock, *(f"p{number}" for number in range(23)), "other")
    page = await ana.read("/evaluaciones?buscar=p&riesgo=no")
    assert ("Página 1 de 2" in page, "Evaluaciones: 23" in page) == (True, True)
    (older,) = re.findall(r'href="([^"]*)" rel="next"', page)
    assert await names(ana, "/evaluaciones" + older.replace("&amp;", "&")) == ["p2", "p1", "p0"]
    assert await names(ana, "/evaluaciones?buscar=p&pagina=99") == ["p2", "p1", "p0"]
    assert len(await names(ana, "/evaluaciones?pagina=no")) == 20
    assert "<b>" not in await ana.read("/evaluaciones?buscar=%22%3E%3Cb%3E")


async def test_they_are_found_without_accents_sorted_and_filtered(
    ana: Reader, clock: SettableClock
) -> None:
    at_risk = {"edad": 80, "tabaquismo": 1, "sobrepeso": 1, "nivel_colesterol": 2.9}
    await keep(ana, clock, "María", None, "Zoe")
    body = json.dumps(EXAMPLE | at_risk | {"nombre": "Álvaro"}).encode()
    clock.now_seconds += 1
    assert document(await ana.call("POST", "/predictions", body))["riesgo_cardiaco"]
    for query, found in (
        ("buscar=maria", ["María"]),
        ("buscar=ALVARO", ["Álvaro"]),
        ("riesgo=si", ["Álvaro"]),
        ("riesgo=no&orden=nombre", ["María", "Zoe", "—"]),
        ("orden=antiguas", ["María", "—", "Zoe", "Álvaro"]),
        ("orden=nombre", ["Álvaro", "María", "Zoe", "—"]),
        ("orden=x", ["Álvaro", "Zoe", "—", "María"]),
        ("buscar=nadie", []),
    ):
        assert await names(ana, f"/evaluaciones?{query}") == found
    assert (await names(ana, "/evaluaciones?orden=mayor"))[0] == "Álvaro"
    assert (await names(ana, "/evaluaciones?orden=menor"))[-1] == "Álvaro"
    rows = await exported(ana, "?riesgo=si")
    assert [row["nombre"] for row in rows] == ["Álvaro"]


async def test_a_kept_one_opens_as_it_was_answered_without_a_call(
    ana: Reader, reader: Reader, clock: SettableClock
) -> None:
    await keep(ana, clock, "Ana <b>")
    (path,) = re.findall(r'href="\./(\?evaluacion=\w+)"', await ana.read("/evaluaciones"))
    page = await ana.read(f"/{path}")
    assert "1 de 50 llamadas" in await ana.read("/cuenta")
    kept = document(await ana.call("GET", "/predictions"))["items"][0]
    assert "Ana &lt;b&gt;" in page
    assert (">No hay riesgo, según la red:" in page, kept["modelo"] in page) == (True, True)
    answer = await reader.open(f"/{path}")
    back = path.replace("?", "%3F").replace("=", "%3D")
    assert answer.headers["Location"] == f"entrar?siguiente=./{back}"
    await reader.register("bea")
    answer = await reader.open(f"/{path}")
    assert (answer.code, "No existe esa evaluación." in text(answer)) == (404, True)


async def test_an_answer_just_given_is_kept_without_another_call(
    ana: Reader, reader: Reader, clock: SettableClock
) -> None:
    await ana.open("/")
    fields = {name: str(value) for name, value in EXAMPLE.items()}
    page = text(await ana.send("/", **fields))
    (answer_id,) = re.findall(r'name="respuesta" value="(\w+)"', page)
    answer = await ana.call("POST", "/service?explicar=1", json.dumps(EXAMPLE).encode())
    for name, given, done in (
        ("Ana", answer_id, "guardada"),
        (" ", answer.headers["X-Request-ID"], "guardada"),
        ("\n", answer_id, "guardada"),
        ("n" * 81, answer_id, "nombre"),
        ("Ana", "0" * 32, "perdida"),
    ):
        clock.now_seconds += 0.001
        sent = await ana.send("/evaluaciones", respuesta=given, nombre=name)
        assert sent.headers["Location"] == f"evaluaciones?hecho={done}"
    assert await names(ana) == ["—", "—", "Ana"]
    assert "2 de 5 llamadas" in await ana.read("/cuenta")
    await reader.register("bea")
    sent = await reader.send("/evaluaciones", respuesta=answer_id, nombre="")
    assert sent.headers["Location"].endswith("perdida")


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


async def test_exports_are_throttled_like_changes(ana: Reader) -> None:
    for _ in range(60):
        assert (await ana.open("/evaluaciones.csv")).code == 200
    assert (await ana.open("/evaluaciones.csv")).code == 429
