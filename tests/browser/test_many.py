"""Many patients at once, in a browser: a file, or a spreadsheet's cells."""

from __future__ import annotations

import csv
import io
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.visiting import release, visiting
from tests.processes import begin_in_a_minute

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tests.browser.visiting import Visit
    from tests.processes import Server

HEADING = "Paciente;Años;Colesterol (mg/dL);Glucosa;PAS;Fumador;Sobrepeso"
HOSTILE = [
    '=HYPERLINK("http://a.test");40;200;100;120;no;no',
    "<script>document.title='ran'</script>;<img src=x onerror=alert(1)>;1e308;;-5;quizá;no",
    f'"{"x" * 100_000}";40;200;100;120;"si;\n=1+1";no{";" * 100_000}',
    "corta;40",
]


def table(count: int) -> list[str]:
    """Make a Spanish spreadsheet's lines: mg/dL, mmHg and decimal commas."""
    made = random.Random(7)  # noqa: S311 - no secret
    return [HEADING] + [
        f"Paciente {number};{made.randint(18, 95)};{made.randint(1100, 2900) / 10};".replace(
            ".", ","
        )
        + f"{made.randint(600, 1900) / 10};".replace(".", ",")
        + f"{made.randint(90, 175)};{made.choice(['sí', 'no'])};{made.choice(['SÍ', 'NO'])}"
        for number in range(1, count + 1)
    ]


def give(page: Page, lines: list[str], encoding: str = "utf-8") -> None:
    body = "\r\n".join(lines).encode(encoding)
    page.locator("#file").set_input_files(
        {"name": "pacientes.csv", "mimeType": "text/csv", "buffer": body}
    )


def download(page: Page, language: str) -> list[list[str]]:
    with page.expect_download() as downloading:
        page.locator(f"[data-download={language}]").click()
    text = Path(downloading.value.path()).read_text("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";" if language == "es" else ","))


def column(page: Page, place: int) -> list[str]:
    return page.locator(f"#results tbody tr > :nth-child({place})").all_inner_texts()


def test_a_spreadsheet_is_assessed_and_the_third_of_it_explained(visit: Visit) -> None:
    page = visit.open("/lote")
    page.get_by_label("Clave de la API").fill(visit.key_on("bench"))
    give(page, table(200), "cp1252")
    expect(page.locator("#found")).to_have_text(
        "200 de 200 filas se pueden evaluar; 0 tienen errores."
    )
    expect(page.locator("#cost")).to_have_text(
        "200 pacientes cuestan 200 llamadas. Tu plan bench tiene 100.000 por minuto: "
        "menos de un minuto."
    )
    expect(page.get_by_label("azúcar en sangre: unidad")).to_have_value("mg/dL")
    page.get_by_role("button", name="Evaluar").click()
    expect(page.locator("#progress-text")).to_have_text("200 de 200 evaluados.")
    expect(page.locator("#counted")).to_have_text(
        re.compile(r"^Según la red, \d+ de 200 están en riesgo\.$")
    )
    page.get_by_role("button", name="Abrir la fila 3", exact=True).press("Enter")
    expect(page.locator("#answer-title")).to_have_text("Fila 3: Paciente 3")
    expect(page.locator("#answer-title")).to_be_focused()
    cells = page.locator("#results tbody tr").nth(2).locator("td").all_inner_texts()
    expect(page.locator("#bars")).to_contain_text(f"colesterol total: {cells[4]} mg/dL")
    expect(page.locator("#verdict")).to_contain_text("Sí" if cells[2] == "sí" else "No")
    expect(page.locator("#sentence")).to_contain_text(cells[3].split(" ")[0])
    expect(page.locator("#changes-list li").first).to_contain_text("la red respondería que ")
    assert b"/Count 1" in page.pdf(format="A4")
    page.get_by_label("Buscar").fill("paciente 3")
    visit.look("many")
    page.get_by_label("Buscar").fill("")
    with page.expect_popup() as opening:
        page.get_by_role("button", name="Cambiar sus valores").press("Enter")
    expect(opening.value.get_by_role("textbox", name="colesterol total")).to_have_value(cells[4])
    opening.value.get_by_role("button", name="Evaluar").press("Enter")
    expect(opening.value.locator("#made")).not_to_be_empty()
    opening.value.close()
    page.get_by_role("button", name="Volver a la tabla").press("Enter")
    expect(page.get_by_role("button", name="Abrir la fila 3", exact=True)).to_be_focused()
    heading, *rows = download(page, "es")
    assert heading[-4:] == ["probabilidad", "riesgo_cardiaco", "motivo", "error"]
    assert [row[:2] for row in rows] == [line.split(";")[:2] for line in table(200)[1:]]
    assert all(re.fullmatch(r"[01]|0,\d+|\d(,\d+)?e-\d+", row[7]) for row in rows)
    assert {row[8] for row in rows} == {"0", "1"}
    assert download(page, "en")[3][2] == rows[2][2].replace(",", ".")


def test_five_thousand_rows_stay_usable_and_hostile_ones_harmless(
    browser: Browser, server: Server
) -> None:
    with visiting(browser, server, locale="en-GB") as visit:
        page = visit.open("/lote")
        page.get_by_label("API key").fill(visit.key_on("bench"))
        give(page, table(5000) + HOSTILE)
        expect(page.locator("#found")).to_have_text(
            "5,001 of 5,004 rows can be assessed; 3 have faults."
        )
        faulty = page.locator("#preview .faulty")
        expect(faulty.filter(has_text="1e308")).to_contain_text("Must be a number from 100 to 300")
        expect(faulty.filter(has_text="quizá")).to_contain_text("Must be yes or no, 1 or 0")
        page.get_by_role("button", name="Assess").click()
        expect(page.locator("#progress-text")).to_have_text(
            "5,001 of 5,001 assessed.", timeout=120_000
        )
        expect(page.locator("#page")).to_have_text("1 to 200 of 5,004")
        page.get_by_role("button", name="Later rows").click()
        expect(page.locator("#page")).to_have_text("201 to 400 of 5,004")
        page.get_by_role("button", name="age (years)").click()
        ages = [int(age) for age in column(page, 9)]
        assert ages == sorted(ages)
        assert len(ages) == 200
        page.get_by_label("Search").fill("paciente 4999")
        assert column(page, 2) == ["Paciente 4999"]
        page.get_by_label("Search").fill("")
        page.get_by_label("Show", exact=True).select_option("faulty")
        expect(page.locator("#page")).to_have_text("1 to 3 of 3")
        expect(page.locator("#results tbody")).to_contain_text("<script>document.title='ran'")
        assert page.title() != "ran"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        *_, formula, script, quoted, short = download(page, "en")
        assert formula[0] == '\'=HYPERLINK("http://a.test")'
        assert (script[2], script[-1].count("Must be")) == ("1e308", 4)
        assert quoted[5] == "si;\n'=1+1"
        assert short[-1].count("It is missing") == 5


def test_cells_are_pasted_and_mapped_by_hand_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit.open("/lote")
    page.get_by_label("Clave de la API").fill(visit.key)
    rows = ["Ana\t52\t5,2\t1,35\t0,9\t1\t0", "Luis\t61\t4,1\t1,2\t1,1\t0\t1"] * 4
    page.get_by_label("O pega las celdas").fill("\n".join(["quién\tA\tB\tC\tD\tE\tF", *rows]))
    expect(page.locator("#found")).to_contain_text("0 de 8 filas se pueden evaluar; 8 tienen")
    for name, letter in (
        ("colesterol total", "B"),
        ("presión arterial sistólica", "C"),
        ("azúcar en sangre", "D"),
        ("edad", "A"),
        ("sobrepeso", "E"),
        ("fumador", "F"),
    ):
        page.get_by_label(name, exact=True).focus()
        page.keyboard.type(letter)
    page.get_by_label("nombre (opcional, no se envía)").press("q")
    for name, unit in (
        ("colesterol total: unidad", "mmol/L"),
        ("presión arterial sistólica: unidad", "100 mmHg"),
        ("azúcar en sangre: unidad", "g/L"),
    ):
        expect(page.get_by_label(name)).to_have_value(unit)
    page.get_by_label("azúcar en sangre: unidad").press("ArrowUp")
    expect(page.locator("#found")).to_contain_text("0 de 8 filas se pueden evaluar")
    page.get_by_label("azúcar en sangre: unidad").press("ArrowDown")
    expect(page.locator("#found")).to_contain_text("8 de 8 filas se pueden evaluar")
    expect(page.locator("#cost")).to_have_text(
        "8 pacientes cuestan 8 llamadas. Tu plan freemium tiene 5 por minuto: unos 2 minutos, con "
        "esta página abierta. Premium tiene más llamadas por minuto."
    )
    begin_in_a_minute()
    page.get_by_role("button", name="Evaluar").press("Enter")
    expect(page.locator("#countdown")).to_have_text(
        re.compile(r"^Las llamadas de este minuto se han agotado; sigue en \d+ s\.$")
    )
    expect(page.locator("#progress-text")).to_have_text("5 de 8 evaluados.")
    expect(page.get_by_role("button", name="Parar")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#progress-text")).to_have_text("5 de 8 evaluados. Parado.")
    expect(page.get_by_role("button", name="Seguir")).to_be_focused()
    page.get_by_label("Mostrar").select_option("waiting")
    assert column(page, 2) == ["Luis", "Ana", "Luis"]
    assert column(page, 4) == ["4,1", "5,2", "4,1"]
    page.get_by_label("Mostrar").select_option("")
    page.get_by_role("button", name="Abrir la fila 1", exact=True).press("Enter")
    expect(page.locator("#opening")).to_contain_text("la fila 1 se abre sola en el siguiente.")
    expect(page.locator("#opening-left")).to_have_text(re.compile(r"^\d+ s$"))
    assert page.evaluate("localStorage.length") == 0


def test_a_file_that_is_read_late_does_not_replace_a_newer_one_nor_cells(visit: Visit) -> None:
    page = visit.open("/lote")
    page.evaluate(
        """() => {
          const read = File.prototype.arrayBuffer;
          File.prototype.arrayBuffer = function () {
            if (this.size > 200) return read.call(this);
            window.late = new Promise((then) => { window.release = () => then(read.call(this)); });
            return window.late;
          };
        }"""
    )
    for is_pasted, count in ((False, 9), (True, 4)):
        give(page, table(1))
        if is_pasted:
            page.get_by_label("O pega las celdas").fill("\n".join(table(count)))
        else:
            give(page, table(count))
        expect(page.locator("#found")).to_contain_text(f"{count} de {count} filas")
        page.evaluate(
            "async () => { release(); await late; await new Promise((then) => setTimeout(then)); }"
        )
        expect(page.locator("#found")).to_contain_text(f"{count} de {count} filas")


def test_the_cost_is_told_by_the_plan_of_the_key_that_stands_there(visit: Visit) -> None:
    late: list[Route] = []
    page = visit.open("/lote")
    page.route("**/account", lambda route: route.continue_() if late else late.append(route))
    give(page, table(2))
    for plan in ("bench", "premium"):
        page.get_by_label("Clave de la API").fill(visit.key_on(plan))
        page.get_by_label("Clave de la API").blur()
    expect(page.locator("#cost")).to_contain_text("Tu plan premium")
    release(page, late[0])
    expect(page.locator("#cost")).to_contain_text("Tu plan premium")


def test_what_is_no_table_is_said_with_what_to_do(visit: Visit) -> None:
    page = visit.open("/lote")
    for body, said in (
        (b"PK\x03\x04\x00\x00", "Es un archivo de Excel: guárdalo como CSV, o pega sus celdas."),
        (b"", "No se encuentra en ello ninguna tabla de pacientes."),
        (b"\x00" * 1000, "No se encuentra en ello ninguna tabla de pacientes."),
        (b";" * 300_000, "No se encuentra en ello ninguna tabla de pacientes."),
        (b"a;b\n" * 20_002, "Hay más de 20.000 filas. Usa el comando cardiorisk score."),
    ):
        page.locator("#file").set_input_files(
            {"name": "pacientes.csv", "mimeType": "text/csv", "buffer": body}
        )
        expect(page.locator("#file-error")).to_contain_text(said)
