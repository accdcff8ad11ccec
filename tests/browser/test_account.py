"""An account in a browser: from the registration to the last key, with scripts and without."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import PASSWORD, log_in
from tests.processes import begin_in_a_minute

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.visiting import Visit

HOSTILE = "<img src=x onerror=alert(1)>"
KEY = re.compile(r"crk_[0-9A-Za-z]{36}")


def fill_in_registration(visit: Visit) -> Page:
    page = visit.open("/registro")
    page.get_by_label("Nombre de usuario").fill(visit.name)
    page.get_by_label("Correo electrónico").fill(f"{visit.name}@example.org")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Crear la cuenta").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(visit.name)
    return page


def follow(page: Page, name: str) -> None:
    """Go by a link, and wait until the page's scripts have run."""
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_load_state()


def make_key(page: Page, name: str = "") -> str:
    follow(page, "Claves")
    page.get_by_label("Cómo la llamas").fill(name)
    page.get_by_role("button", name="Crear una clave").click()
    page.wait_for_load_state()
    return page.locator("#new-key").inner_text()


def go_premium(page: Page) -> None:
    follow(page, "Cuenta")
    page.get_by_role("radio", name="premium").check()
    page.locator("#plan-password").fill(PASSWORD)
    page.get_by_role("button", name="Cambiar el plan").click()
    expect(page.get_by_role("status")).to_have_text("El plan se ha cambiado.")


def keep(page: Page, name: str) -> None:
    page.get_by_label("Guárdala con un nombre").fill(name)
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator("#kept")).to_have_text(
        f"Guardada como {name}." if name else "Guardada sin nombre."
    )


@pytest.mark.usefixtures("in_one_minute")
def test_a_newcomer_registers_makes_a_key_and_assesses_a_patient(visit: Visit) -> None:
    page = fill_in_registration(visit)
    key = make_key(page)
    assert KEY.fullmatch(key)
    follow(page, "Prueba un paciente")
    expect(page.get_by_label("Clave de la API")).to_have_count(0)
    page.get_by_role("button", name="Evaluar").click()
    expect(page.locator("#verdict")).to_contain_text("No hay riesgo")
    expect(page.locator("#left")).to_contain_text("quedan en este minuto: 4")
    assert key not in visit.server.log_text()


def test_after_the_logout_no_page_opens_and_a_login_leads_to_the_one_that_was_wanted(
    visit: Visit,
) -> None:
    page = visit.register()
    page.get_by_role("button", name="Salir").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Entrar")
    assert [cookie for cookie in page.context.cookies() if cookie["name"] == "sesion"] == []
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Entrar")
    visit.open("/claves")
    expect(page).to_have_url(re.compile(r"/entrar\?siguiente=claves$"))
    log_in(page, visit.name, "no es esta")
    said = "El nombre o la contraseña no son correctos."
    expect(page.locator("#error-password")).to_have_text(said)
    expect(page.get_by_label("Contraseña")).to_be_focused()
    log_in(page, visit.name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Claves")


def test_an_empty_or_overlong_form_is_told_in_the_page_s_language(visit: Visit) -> None:
    page = visit.open("/entrar")
    page.get_by_role("button", name="Entrar").click()
    expect(page.locator("#error-username")).to_have_text("Rellena este campo.")
    page.get_by_role("link", name="Regístrate").first.click()
    page.get_by_label("Nombre de usuario").fill("n" * 200)
    page.get_by_role("button", name="Crear la cuenta").click()
    said = "Deben ser de 1 a 80 caracteres imprimibles."
    expect(page.locator("#error-username")).to_have_text(said)
    visit.register("/claves")
    # A browser sends nothing for a number that it cannot read, and the key would never end.
    page.get_by_label("Días hasta que termine").fill("treinta")
    page.get_by_role("button", name="Crear una clave").click()
    said = "Debe ser un número entero de días de 1 a 36500."
    expect(page.locator("#error-expires_days")).to_have_text(said)
    page.get_by_role("link", name="English").click()
    page.get_by_label("Days until it ends").fill("0")
    page.get_by_role("button", name="Make a key").click()
    said = "Must be a whole number of days from 1 to 36500."
    expect(page.locator("#error-expires_days")).to_have_text(said)


def test_another_site_s_form_does_nothing(visit: Visit, tmp_path: Path) -> None:
    page = visit.register()
    evil = tmp_path / "evil.html"
    evil.write_text(
        f'<form method="post" action="{visit.address}/claves">'
        '<button name="accion" value="crear">x</button></form>'
    )
    page.goto(evil.as_uri())
    page.get_by_role("button").click()
    page.wait_for_url("**/entrar?siguiente=claves")
    visit.open("/claves")
    expect(page.get_by_role("heading", name="Claves activas (0)")).to_be_visible()


def test_a_key_is_copied_replaced_and_revoked(visit: Visit) -> None:
    page = visit.register()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    key = make_key(page, HOSTILE)
    page.get_by_role("button", name="Copiar", exact=True).click()
    expect(page.locator("#copied")).to_have_text("Copiado.")
    assert page.evaluate("navigator.clipboard.readText()") == key
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    page.get_by_text("Sustituir o revocar").click()
    page.get_by_role("button", name="Sustituir ya").click()
    expect(page.locator("#new-key")).to_have_text(KEY)
    assert page.locator("#new-key").inner_text() != key
    page.get_by_text("Sustituir o revocar").click()
    page.get_by_role("button", name="Revocar para siempre").click()
    expect(page.get_by_role("status")).to_have_text("La clave se ha revocado.")
    expect(page.get_by_role("heading", name="Claves activas (0)")).to_be_visible()
    page.get_by_text("Claves terminadas (2)").click()
    expect(page.get_by_role("listitem").filter(has_text=HOSTILE)).to_have_count(2)


def test_a_new_key_s_first_call_is_told_and_may_be_made_at_once(visit: Visit) -> None:
    page = visit.register("/claves")
    key = make_key(page)
    first = page.locator("#first-answer")
    expect(first).to_have_text("Esperando su primera llamada…")
    expect(page.locator("#first-call")).to_contain_text(f"curl {visit.address}/service")
    begin_in_a_minute()
    assert visit.server.ask(key)[0] == 200
    expect(first).to_have_text(re.compile(r"Ha llegado su primera llamada: 200, \d+,\d ms\."))
    make_key(page)
    for status in (200, 200, 200, 200, 429):
        with page.expect_response("**/service") as answered:
            page.get_by_role("button", name="Probarla ahora").click()
        assert answered.value.status == status
        expect(first).to_contain_text(str(status))
    expect(first).to_contain_text("El plan premium tiene más. Podrás volver a preguntar en")
    expect(page.get_by_role("button", name="Probarla ahora")).to_be_disabled()


def test_a_key_is_made_and_tried_by_keyboard_alone(visit: Visit) -> None:
    page = visit.register("/claves")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Ir al contenido")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Recepción")
    page.keyboard.press("Enter")
    expect(page.locator("#first-answer")).to_have_text("Esperando su primera llamada…")
    page.locator("#new-title").focus()
    for _ in range(5):  # the key, its button, the call, its button, and the one that tries it
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Probarla ahora")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#first-answer")).to_contain_text("200")


def test_the_longest_name_and_a_form_of_an_ended_session_fit_and_are_accessible(
    visit: Visit,
) -> None:
    visit.name = f"{visit.name} ".ljust(80, "ñ")
    fields = {"username": visit.name, "email": "n@example.org", "password": PASSWORD}
    page = visit.open("/registro")
    for name, text in fields.items():
        page.locator(f"#{name}").fill(text)
    page.get_by_role("button", name="Crear la cuenta").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(visit.name)
    visit.open("/claves").get_by_label("Cómo la llamas").fill("Recepción")
    page.context.clear_cookies(name="sesion")
    page.get_by_role("button", name="Crear una clave").click()
    expect(page.get_by_role("status")).to_contain_text("Lo que escribiste se conserva")
    log_in(page, visit.name)
    expect(page.get_by_label("Cómo la llamas")).to_have_value("Recepción")
    other = page.context.new_page()
    other.goto(f"{visit.address}/entrar")
    other.get_by_role("button", name="Salir").click()
    log_in(other, visit.name)
    page.get_by_role("button", name="Crear una clave").click()
    expect(page.get_by_role("alert")).to_contain_text("de una sesión anterior a esta")
    visit.look("old-form")
    page.get_by_role("link", name="Volver a la página").click()
    expect(page.get_by_label("Cómo la llamas")).to_have_value("Recepción")


@pytest.mark.usefixtures("in_one_minute")
def test_a_kept_assessment_is_found_exported_and_deleted(visit: Visit) -> None:
    page = visit.register("/")
    page.get_by_role("button", name="Mayor, valores altos").click()
    page.get_by_role("button", name="Evaluar").click()
    keep(page, HOSTILE)
    keep(page, "Ana")
    expect(page.locator("#left")).to_contain_text("quedan en este minuto: 4")
    page.get_by_role("link", name="Evaluaciones", exact=True).click()
    expect(page.get_by_role("rowheader")).to_have_count(2)
    expect(page.get_by_role("columnheader", name="azúcar en sangre")).to_contain_text("(mg/dL)")
    expect(page.get_by_role("row").last.locator("[data-of]")).to_have_text(
        ["240", "140", "180", "72"]
    )
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 710, "height": 1000})  # A4 within its margins
    expect(page.get_by_label("Buscar por nombre")).to_be_hidden()
    assert page.locator("table").evaluate("table => table.getBoundingClientRect().right") <= 710
    page.emulate_media(media="screen")
    page.get_by_label("Buscar por nombre").fill("img")
    page.get_by_role("button", name="Buscar").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    expect(page.get_by_role("rowheader")).to_contain_text(HOSTILE)
    with page.expect_download() as download:
        page.get_by_role("link", name="en español").click()
    assert download.value.suggested_filename == "evaluaciones.csv"
    exported = download.value.path().read_text(encoding="utf-8-sig")
    assert (HOSTILE in exported, "Ana" in exported) == (True, False)
    page.locator("summary").click()
    page.get_by_role("button", name="Para siempre").click()
    expect(page.get_by_text("Ninguna evaluación es así.")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("La evaluación se ha borrado.")
    page.get_by_role("link", name="Mostrar todas").click()
    page.get_by_role("link", name="Ana", exact=True).click()
    expect(page.locator("#waiting")).to_contain_text("Sí hay riesgo, según la red")
    expect(page.locator("[name=edad]")).to_have_value("72")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#waiting")).to_contain_text("Yes, at risk, says the network")


def test_a_long_name_takes_the_space_that_a_wide_screen_has(visit: Visit) -> None:
    page = visit.register("/")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Evaluar").click()
    keep(page, "María del Carmen Fernández de la Vega y López-Cobarrubias de Santa Cruz del Mar")
    follow(page, "Evaluaciones")
    name = page.get_by_role("rowheader").locator("a")
    assert name.evaluate("e => e.offsetHeight / parseFloat(getComputedStyle(e).lineHeight)") <= 4
    assert page.locator(".scroll").evaluate("e => e.scrollWidth <= e.clientWidth")


def test_a_session_that_has_ended_is_told_at_the_form(visit: Visit) -> None:
    page = visit.register("/")
    page.context.clear_cookies(name="sesion")
    page.get_by_role("button", name="Evaluar").click()
    expect(page.locator("#failure")).to_contain_text("Tu sesión ha terminado.")


def test_the_api_s_page_speaks_for_the_session_and_leads_back(visit: Visit) -> None:
    page = visit.register("/cuenta")
    page.emulate_media(color_scheme="dark")
    page.get_by_role("link", name="API").click()
    expect(page.locator("#session")).to_contain_text(f"Logged in as {visit.name}")
    expect(page.locator("html")).to_have_class("dark-mode")
    page.get_by_role("button", name="Authorize").click()
    expect(page.locator(".modal-ux input").first).to_be_focused()
    page.locator(".modal-ux .close-modal").click()
    page.locator("#operations-service-assess .opblock-summary-control").click()
    page.locator("#operations-service-assess").get_by_role("button", name="Try it out").click()
    begin_in_a_minute()
    page.locator("#operations-service-assess").get_by_role("button", name="Execute").click()
    answered = page.locator("#operations-service-assess .live-responses-table")
    expect(answered).to_contain_text("riesgo_cardiaco")
    page.get_by_role("link", name="Back to the service").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Prueba un paciente")
    expect(visit.open("/cuenta").get_by_text("1 de 5 llamadas")).to_be_visible()


def test_all_forms_work_without_scripts(scriptless: Visit) -> None:
    page = fill_in_registration(scriptless)
    go_premium(page)
    assert KEY.fullmatch(make_key(page, "sin scripts"))
    page.get_by_text("Sustituir o revocar").click()
    page.get_by_role("button", name="Revocar para siempre").click()
    expect(page.get_by_role("status")).to_have_text("La clave se ha revocado.")
    page.get_by_role("link", name="Prueba un paciente").click()
    page.get_by_role("button", name="Evaluar").click()
    expect(page.locator(".verdict").first).to_contain_text("No hay riesgo, según la red")
    page.get_by_role("link", name="Evaluaciones").click()
    expect(page.get_by_text("Todavía no hay ninguna guardada.")).to_be_visible()
    page.get_by_role("button", name="Salir").click()
    log_in(page, scriptless.name)
    expect(page.get_by_role("heading", level=1)).to_have_text(scriptless.name)


def add_past_calls(visit: Visit) -> None:
    """Give the account a month of calls, so that there is something to see."""
    database = visit.server.directory / "keys.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "WITH RECURSIVE back(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM back WHERE n < 29) "
            "INSERT INTO usage SELECT account.id, date('now', -n || ' days'), n * 37 % 61 "
            "FROM account, back WHERE account.name = ?",
            (visit.name,),
        )


def test_the_pages_are_accessible_and_fit(visit: Visit) -> None:
    page = visit.open("/entrar")
    log_in(page, visit.name, "no es esta")
    visit.look("login")
    visit.open("/registro")
    visit.look("register")
    visit.register()
    add_past_calls(visit)
    go_premium(page)
    expect(page.locator("#days-chart svg")).to_be_visible()
    visit.look("account")
    make_key(page, "Recepción")
    make_key(page, "Historia clínica")
    visit.look("new-key")
    page.get_by_role("link", name="Claves").click()
    page.get_by_text("Sustituir o revocar").first.click()
    visit.look("keys")
    page.get_by_role("link", name="Prueba un paciente").click()
    page.get_by_role("button", name="Mayor, valores altos").click()
    page.get_by_role("button", name="Evaluar").click()
    for name in ("Ana María", "", HOSTILE):
        keep(page, name)
    visit.look("session")
    page.get_by_role("link", name="Evaluaciones", exact=True).click()
    page.locator("summary").last.click()
    visit.look("assessments")
