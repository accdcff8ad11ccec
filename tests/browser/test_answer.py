"""An answer and what would change it, side by side with another, and on paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cardiorisk.patients.patient import FIELDS
from tests.browser.visiting import release, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tests.browser.visiting import Visit
    from tests.processes import Server


def assess(page: Page, key: str, patient: str, *flags: str) -> None:
    page.get_by_label(re.compile("Clave de la API|API key")).fill(key)
    page.get_by_role("button", name=patient).click()
    for flag in flags:
        page.get_by_role("checkbox", name=flag).check()
    page.get_by_role("button", name=re.compile("^(Evaluar|Assess)$")).press("Enter")
    expect(page.locator("#made")).not_to_be_empty()
    expect(page.locator("#rule-held")).not_to_be_empty()


def test_what_holds_an_answer_is_said_and_what_would_change_it(visit: Visit) -> None:
    page = visit.open()
    assess(page, visit.key, "Mayor, valores altos", "sobrepeso", "fumador")
    expect(page.locator("#rule-held")).to_have_text(
        "Cláusulas que se cumplen: 2 de 3. Una sola ya es riesgo, así que para que cambie la "
        "respuesta no debe cumplirse ninguna de ellas."
    )
    expect(page.locator("#rule-clauses li").first).to_have_text(
        "edad por encima de 50 años y azúcar en sangre por encima de 100 mg/dL: se cumple"
    )
    expect(page.locator("#sure")).to_have_text(
        re.compile(r"^Medido: de \d+ pacientes reservados .* de 90.% a 100.%, el \d+.% tenía")
    )
    expect(page.locator("#crossing")).to_contain_text("Ninguna curva cruza el umbral: más de")
    told = page.locator("#changes-list li").all_inner_texts()
    assert {text.partition(", la red respondería que no: ")[0] for text in told} == {
        f"Con azúcar en sangre 100 mg/dL en lugar de 180 mg/dL y {flag} no en lugar de sí"
        for flag in ("sobrepeso", "fumador")
    }
    expect(page.locator("#curves .ring")).to_have_count(2)
    expect(page.locator("#curves polyline")).to_have_count(len(FIELDS) - 2)


def test_where_no_change_turns_the_answer_none_is_promised(visit: Visit) -> None:
    def leave_out_changes(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"cambios": []})

    page = visit.open()
    page.route("**/service?*", leave_out_changes)
    assess(page, visit.key, "Mayor, valores altos", "sobrepeso", "fumador")
    expect(page.locator("#changes-list li")).to_have_text(
        ["Con esta edad, ningún cambio de los otros cinco valores lo lograría."]
    )
    expect(page.locator("#crossing")).to_have_text(
        "Ninguna curva cruza el umbral: ningún valor cambia la respuesta por sí solo."
    )


def test_what_is_said_of_an_earlier_answer_does_not_come_after_the_next_one(visit: Visit) -> None:
    late: list[Route] = []
    page = visit.open()
    page.route("**/model", lambda route: route.continue_() if late else late.append(route))
    page.get_by_label("Clave de la API").fill(visit.key)
    held = page.locator("#rule-held")
    for patient, verdict in (("Mayor, valores altos", "Sí"), ("Joven, sin nada", "No")):
        page.get_by_role("button", name=patient).click()
        page.get_by_role("button", name="Evaluar").click()
        expect(page.locator("#verdict")).to_contain_text(verdict)
    expect(held).to_contain_text("se cumplen: 0 de 3")
    release(page, late[0])
    expect(held).to_contain_text("se cumplen: 0 de 3")


@pytest.mark.usefixtures("in_one_minute")
def test_all_curves_follow_a_dot_that_is_moved_and_it_takes_no_call(visit: Visit) -> None:
    page = visit.open()
    assess(page, visit.key, "Mayor, valores altos")
    expect(page.locator("#crossing")).to_have_text(
        "Por sí solos, estos cruzan el umbral: azúcar en sangre y edad."
    )
    sugar = page.get_by_role("slider", name="azúcar en sangre: y si…")
    pressure = page.locator("#curve-presion_arterial svg")
    before = pressure.get_attribute("aria-label")
    sugar.press("Home")
    expect(sugar).to_have_attribute("aria-valuetext", re.compile("^50 mg/dL: "))
    expect(page.locator("#verdict")).to_contain_text("No hay riesgo")
    expect(pressure).not_to_have_attribute("aria-label", before or "")
    expect(page.get_by_role("textbox", name="azúcar en sangre")).to_have_value("50")
    expect(page.locator("#moved")).to_be_visible()
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#left")).to_contain_text("quedan en este minuto: 4")
    page.get_by_role("button", name="Devolver el punto").press("Enter")
    expect(page.locator("#verdict")).to_contain_text("Sí hay riesgo")
    expect(pressure).to_have_attribute("aria-label", before or "")
    expect(page.get_by_role("textbox", name="azúcar en sangre")).to_have_value("180")
    box = page.get_by_role("slider", name="edad: y si…").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.73, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, middle, steps=4)
    page.mouse.up()
    expect(page.locator("#verdict")).to_contain_text("No hay riesgo")
    age = page.get_by_role("textbox", name="edad")
    assert 20 <= int(age.input_value()) <= 30
    page.get_by_role("textbox", name="colesterol total").fill("120")
    expect(page.locator("#stale")).to_be_visible()
    expect(page.locator("#moved")).to_be_hidden()
    expect(page.locator("#verdict")).to_contain_text("Sí hay riesgo")
    assert 20 <= int(age.input_value()) <= 30


def test_a_finger_that_scrolls_over_a_curve_moves_no_dot(browser: Browser, server: Server) -> None:
    sizes = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with visiting(browser, server, **sizes) as visit:
        page = visit.open()
        assess(page, visit.key, "El ejemplo del enunciado")
        page.locator("#curve-edad").evaluate("plot => plot.scrollIntoView({ block: 'center' })")
        place = page.locator("#curve-edad").bounding_box()
        assert place
        x, y = place["x"] + 0.8 * place["width"], place["y"] + 60
        finger = page.context.new_cdp_session(page)
        began_at = page.evaluate("scrollY")
        page.evaluate("""() => addEventListener("scrollend", () => {
          document.body.dataset.scrolled = "";
        })""")
        for kind, up in (("touchStart", 0), *(("touchMove", 12 * step) for step in range(1, 12))):
            points = [{"x": x, "y": y - up}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(page.locator("[data-scrolled]")).to_have_count(1)
        assert page.evaluate("scrollY") > began_at
        expect(page.locator("#move-back")).to_be_hidden()
        page.touchscreen.tap(x, y + began_at - page.evaluate("scrollY"))
        expect(page.locator("#move-back")).to_be_visible()


def test_two_answers_stand_side_by_side_and_two_values_on_a_map(
    browser: Browser, server: Server
) -> None:
    with visiting(browser, server, locale="en-GB") as visit:
        page = visit.open()
        assess(page, visit.key, "Older, high values")
        expect(page.locator("#changes-list")).to_contain_text(
            "With blood sugar 100 mg/dL instead of 180 mg/dL the network would answer no: "
        )
        page.get_by_role("button", name="Use as A").press("Enter")
        expect(page.get_by_role("button", name="Forget A")).to_be_focused()
        page.get_by_label("Across").select_option("age")
        page.get_by_label("Upwards").select_option("blood sugar")
        expect(page.locator("#map svg")).to_have_attribute(
            "aria-label", re.compile(r"^blood sugar over age: at risk in [\d.]+.% of the map$")
        )
        assess(page, visit.key, "Young, nothing unusual")
        changed = page.locator("#changed li")
        expect(changed).to_have_count(4)
        expect(changed.first).to_have_text("total cholesterol: 240 mg/dL in A, 170 mg/dL in B")
        first, *parts, last = [
            float(text.replace("\N{MINUS SIGN}", "-").lstrip("<> "))
            for text in page.locator("#difference .sum").all_text_contents()
        ]
        assert first + sum(parts) == pytest.approx(last, abs=0.005)
        visit.look("assess")


def test_an_answer_is_printed_on_one_page_black_on_white(browser: Browser, server: Server) -> None:
    with visiting(browser, server, color_scheme="dark") as visit:
        page = visit.open()
        assess(page, visit.key, "Mayor, valores altos", "sobrepeso", "fumador")
        for paper in ("A4", "Letter"):
            assert b"/Count 1" in page.pdf(format=paper), paper
        page.emulate_media(media="print", color_scheme="dark")
        colours = page.evaluate(
            """() => {
              const { color, backgroundColor } = getComputedStyle(document.body);
              return [color, backgroundColor];
            }"""
        )
        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        expect(page.locator("#patient")).to_be_hidden()
        for shown, text in (
            ("#values", "240 mg/dL"),
            ("#answer .notice", "No es un dispositivo médico."),
            ("#sentence", "azúcar en sangre = 180 mg/dL"),
            ("#curves", "300 mg/dL"),
            ("#made", "por la red 14-7-1-"),
        ):
            expect(page.locator(shown)).to_be_visible()
            expect(page.locator(shown)).to_contain_text(text)
        expect(page.locator("#made")).to_contain_text(re.compile(r"petición [0-9a-f]{32}\.$"))
