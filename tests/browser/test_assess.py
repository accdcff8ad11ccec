"""Trying a patient, as a reader does it: in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cardiorisk.patients.patient import FIELDS
from cardiorisk.store import rows_accounts
from tests.support import change_account

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.visiting import Visit

EXAMPLE = "Mayor, valores altos"


def assess(page: Page, key: str) -> None:
    page.get_by_label("Clave de la API").fill(key)
    page.get_by_role("button", name=EXAMPLE).click()
    page.get_by_role("button", name="Evaluar").click()


def parts_of(page: Page) -> list[float]:
    """Read the numbers beside the bars."""
    texts = page.locator("#bars .sum").all_text_contents()
    plain = [text.replace("\N{MINUS SIGN}", "-").replace(",", ".") for text in texts]
    return [float(text.lstrip("<> ")) for text in plain]


@pytest.mark.usefixtures("in_one_minute")
def test_a_pasted_key_gets_an_answer_its_reasons_and_curves(visit: Visit) -> None:
    page = visit.open()
    assess(page, visit.key)
    expect(page.locator("#verdict")).to_contain_text("Sí hay riesgo, según la red: > 0,999999")
    expect(page.locator("#gauge svg")).to_have_attribute("aria-label", re.compile("umbral"))
    expect(page.locator("#sentence")).to_contain_text("no la salud del paciente")
    expect(page.locator("#left")).to_contain_text("quedan en este minuto: 4")
    expect(page.locator("#bars .sum")).to_have_count(8)
    *parts, whole = parts_of(page)
    assert sum(parts) == pytest.approx(whole, abs=0.005)
    expect(page.locator("#curves figure")).to_have_count(len(FIELDS))
    expect(page.locator("#curves svg").nth(3)).to_have_attribute(
        "aria-label", re.compile("^edad: de .* en 0 años a .* en 99 años$")
    )


@pytest.mark.usefixtures("in_one_minute")
def test_the_keyboard_is_enough_and_keeps_its_place(visit: Visit) -> None:
    page = visit.open()
    page.get_by_label("Clave de la API").fill(visit.key)
    page.get_by_role("slider", name="edad").press("End")
    page.get_by_role("checkbox", name="fumador").press("Space")
    page.get_by_role("textbox", name="edad").press("Enter")
    expect(page.locator("#verdict")).to_contain_text("Sí hay riesgo")
    expect(page.locator("#call-curl")).to_contain_text('"edad":99,"sobrepeso":1,"tabaquismo":1')
    button = page.get_by_role("button", name="Evaluar")
    button.press("Enter")
    expect(page.locator("#left")).to_contain_text("quedan en este minuto: 3")
    expect(button).to_be_focused()


def test_the_key_is_kept_for_the_tab_and_nowhere_else(visit: Visit) -> None:
    page = visit.open()
    assess(page, visit.key)
    expect(page.locator("#verdict")).not_to_be_empty()
    page.reload()
    expect(page.get_by_label("Clave de la API")).to_have_value(visit.key)
    assert page.evaluate("localStorage.length") == 0
    assert visit.key not in repr(page.context.cookies())
    assert visit.key not in visit.server.log_text()


def test_slider_and_box_move_together(visit: Visit) -> None:
    page = visit.open()
    page.get_by_role("textbox", name="edad").fill("61")
    expect(page.get_by_role("slider", name="edad")).to_have_value("61")
    page.get_by_role("slider", name="edad").press("ArrowRight")
    expect(page.get_by_role("textbox", name="edad")).to_have_value("62")
    expect(page.locator("#call-curl")).to_contain_text('"edad":62')


def test_values_are_in_the_reader_s_units_everywhere_but_in_the_calls(visit: Visit) -> None:
    page = visit.open()
    assess(page, visit.key)
    sugar = page.get_by_role("textbox", name="azúcar en sangre")
    unit = page.get_by_role("combobox", name="azúcar en sangre: unidad")
    expect(sugar).to_have_value("180")
    expect(page.locator("#sentence")).to_contain_text("azúcar en sangre = 180 mg/dL (+")
    expect(page.locator("#bars")).to_contain_text("presión arterial sistólica: 140 mmHg")
    expect(page.locator("#curves")).to_contain_text("300 mg/dL")
    unit.select_option("mmol/L")
    expect(sugar).to_have_value("9,99")
    expect(page.locator("#sentence")).to_contain_text("azúcar en sangre = 9,99 mmol/L (+")
    expect(page.locator("#help-azucar")).to_have_text("2,78 \N{EN DASH} 11,1 mmol/L")
    expect(page.locator("#call-curl")).to_contain_text('"azucar":1.8,')
    expect(page.locator("#stale")).to_be_hidden()
    page.reload()
    expect(unit).to_have_value("mmol/L")
    expect(page.get_by_role("combobox", name="colesterol total: unidad")).to_have_value("mg/dL")
    sugar.fill("5,55")
    for each, shown in (("g/L", "0,9999"), ("mg/dL", "100"), ("mmol/L", "5,55")):
        unit.select_option(each)
        expect(sugar).to_have_value(shown)
        expect(page.locator("#call-curl")).to_contain_text('"azucar":0.9998658,')


@pytest.mark.usefixtures("in_one_minute")
def test_a_value_that_is_right_in_another_unit_is_asked_about_before_it_is_sent(
    visit: Visit,
) -> None:
    page = visit.open()
    page.get_by_label("Clave de la API").fill(visit.key)
    pressure = page.get_by_role("textbox", name="presión arterial sistólica")
    cholesterol = page.get_by_role("textbox", name="colesterol total")
    cholesterol.fill("2,8")
    pressure.fill("1,35")
    pressure.press("Enter")
    expect(cholesterol).to_be_focused()
    expect(cholesterol).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#error-nivel_colesterol")).to_have_text(
        "Debe ser un número de 100 a 300 mg/dL"
    )
    expect(page.locator("#failure")).to_contain_text("No se ha enviado nada.")
    asked = page.get_by_role("group", name="¿Qué número es?").get_by_role("button")
    assert asked.all_text_contents() == ["¿2,8 mmol/L?", "¿2,8 g/L?", "¿135 mmHg?"]
    page.get_by_role("button", name="¿2,8 g/L?").press("Enter")
    expect(page.get_by_role("combobox", name="colesterol total: unidad")).to_have_value("g/L")
    page.get_by_role("button", name="¿135 mmHg?").press("Enter")
    expect(pressure).to_have_value("135")
    pressure.press("Enter")
    expect(page.locator("#left")).to_contain_text("quedan en este minuto: 4")
    expect(page.locator("#call-curl")).to_contain_text(
        '{"nivel_colesterol":2.8,"presion_arterial":1.35,'
    )
    cholesterol.fill("240")
    page.get_by_role("combobox", name="colesterol total: unidad").select_option("mg/dL")
    expect(page.locator("#error-nivel_colesterol")).to_be_hidden()
    expect(page.locator("#call-curl")).to_contain_text('{"nivel_colesterol":2.4,')
    for wrong in ("", "alto", "1e2", "2..4", "0x99"):
        cholesterol.fill(wrong)
        cholesterol.blur()
        expect(page.locator("#error-nivel_colesterol")).to_contain_text("Debe ser un número")
        expect(asked).to_have_count(0)


def test_a_value_is_the_same_after_it_was_shown_in_every_unit(visit: Visit) -> None:
    """Every hundredth of a g/L, every mg/dL and every hundredth of a mmol/L, as they are typed."""
    page = visit.open()
    changed = page.evaluate(
        """async () => {
          const { src } = document.querySelector("script[src]");
          const { FIELDS, accepts, inUnit, parse, toService, unitsOf } =
            await import(src.replace("assess.js", "units.js"));
          const wrong = [];
          for (const field of FIELDS.filter((field) => field.kind !== "flag")) {
            for (const unit of unitsOf(field)) {
              const decimals = { "g/L": 2, "mmol/L": 2 }[unit] ?? 0;
              for (let step = 0; step <= 30000; step++) {
                const typed = (step / 10 ** decimals).toFixed(decimals);
                const value = toService(parse(typed), field, unit);
                if (!accepts(field, value)) continue;
                const shown = inUnit(value, field, unit);
                const again = toService(parse(shown), field, unit);
                if (Number(typed) !== parse(shown) || again !== value) wrong.push([typed, unit]);
                const short = unit === "mmol/L" || String(value).length < 6;
                if (!short) wrong.push([value, unit]);
              }
            }
          }
          return wrong;
        }"""
    )
    assert changed == []


def test_an_answer_to_earlier_values_says_so_and_cannot_be_kept(visit: Visit) -> None:
    page = visit.open()
    assess(page, visit.key)
    stale, keep = page.locator("#stale"), page.get_by_role("button", name="Guardar")
    expect(keep).to_be_visible()
    expect(stale).to_be_hidden()
    page.get_by_role("button", name="Joven, sin nada llamativo").click()
    expect(stale).to_contain_text("esto responde a los anteriores")
    expect(keep).to_be_hidden()
    page.get_by_role("button", name=EXAMPLE).click()
    expect(stale).to_be_hidden()
    expect(keep).to_be_visible()


def test_a_failure_is_brought_into_sight(visit: Visit) -> None:
    page = visit.open()
    page.set_viewport_size({"width": 1280, "height": 500})
    page.get_by_label("Clave de la API").fill(visit.key)
    page.context.set_offline(True)
    page.get_by_label("Clave de la API").press("Enter")
    expect(page.locator("#failure")).to_have_text("No se puede alcanzar el servicio.")
    expect(page.locator("#failure")).to_be_in_viewport()
    visit.complaints.clear()  # the browser's own, that nobody listens there


def test_what_is_no_key_is_said_at_the_key(visit: Visit) -> None:
    page = visit.open()
    for key, said in (
        ("", "Pega antes una clave."),
        ("crk_no", "El servicio no conoce esta clave."),
        ("clavé", "El servicio no conoce esta clave."),
    ):
        page.get_by_role("button", name=EXAMPLE).focus()
        assess(page, key)
        expect(page.locator("#key-error")).to_have_text(said)
        expect(page.get_by_label("Clave de la API")).to_be_focused()


def test_who_is_suspended_is_told_so(visit: Visit) -> None:
    page = visit.open()
    key = visit.key
    change_account(visit.server.settings, visit.name, rows_accounts.suspend)
    assess(page, key)
    expect(page.locator("#failure")).to_have_text(
        "La cuenta está suspendida. Pregunta a quien lleva el servicio."
    )


def test_an_assessment_is_kept_and_a_name_that_cannot_be_is_told_at_the_name(visit: Visit) -> None:
    page = visit.open()
    assess(page, visit.key)
    page.get_by_label("Guárdala con un nombre").fill("\a")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator("#nombre-error")).to_have_text(
        "Deben ser de 1 a 80 caracteres imprimibles."
    )
    expect(page.locator("#failure")).to_be_empty()
    page.get_by_label("Guárdala con un nombre").fill("")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator("#kept")).to_have_text("Guardada sin nombre.")
    expect(page.locator("#nombre-error")).to_be_hidden()


def test_a_script_that_is_not_ours_does_not_run_and_is_heard_of(visit: Visit) -> None:
    page = visit.open()
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "document.title = 'ran'";
                document.head.append(script);
            }"""
        )
    assert page.title() != "ran"
    (complaint,) = visit.complaints
    assert "script-src 'self'" in complaint
    visit.complaints.clear()


def test_a_used_up_minute_is_counted_down(visit: Visit) -> None:
    page = visit.open()
    button, counted = page.get_by_role("button", name="Evaluar"), page.locator("#left")
    seconds = 0
    # Asked until the service refuses with some seconds of the minute left: the first minute may
    # end before the sixth call.
    while seconds < 12:
        expect(button).to_be_enabled()
        assess(page, visit.key)
        expect(page.locator("#patient[aria-busy]")).to_have_count(0)
        expect(counted).not_to_be_empty()
        found = re.search(r"Podrás volver a preguntar en (\d+) s\.", counted.inner_text())
        seconds = int(found[1]) if found else 0
    expect(page.locator("#failure")).to_have_text(
        "Las llamadas de este minuto se han agotado. El plan premium tiene más."
    )
    expect(button).to_be_disabled()
    before = counted.inner_text()
    expect(counted).not_to_have_text(before)
    expect(counted).to_contain_text("Podrás volver a preguntar en")


def test_a_call_is_copied_without_the_key(visit: Visit) -> None:
    page = visit.open()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Clave de la API").fill(visit.key)
    page.get_by_role("button", name="Copiar: curl").click()
    expect(page.locator("#copied")).to_have_text("Copiado.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl '{visit.address}/service")
    assert visit.key not in copied


def test_without_scripts_the_form_says_what_it_needs(scriptless: Visit) -> None:
    page = scriptless.open()
    expect(page.get_by_text("Este formulario necesita scripts")).to_be_visible()
    expect(page.locator("#scriptless code")).to_contain_text(f"{scriptless.address}/service")
    for field in FIELDS:
        expect(page.locator(f"[name={field.wire_name}]")).to_be_visible()
    expect(page.get_by_role("button", name="Evaluar")).to_be_disabled()
    expect(page.get_by_role("slider")).to_have_count(0)
    expect(page.get_by_role("button", name="Copiar")).to_have_count(0)
    page.get_by_role("link", name="Muchos pacientes").click()
    expect(page.locator("#scriptless")).to_contain_text("cardiorisk score, POST /service/lote")
    expect(page.locator("#file")).to_be_hidden()
