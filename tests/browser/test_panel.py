"""The panel, as an operator uses it: in a browser."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import visiting
from tests.support import create_key

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.visiting import Visit
    from tests.processes import Server

LIVE = "En vivo"


@pytest.fixture
def panel(visit: Visit, olga: Any) -> Page:
    """Open the panel as Olga, with the lines of the visit's account, which has none yet."""
    assert visit.key
    visit.page.context.add_cookies(olga)
    page = visit.open(f"/panel?account={visit.name}")
    expect(page.locator("#state")).to_contain_text(LIVE)
    return page


def tell(page: Page, event: str, document: Any) -> None:
    """Have the page told one event in place of those of the service, and no more."""
    body = f"event: {event}\ndata: {json.dumps(document)}\n\n"
    page.route(
        "**/panel/eventos*",
        lambda route: route.fulfill(content_type="text/event-stream", body=body),
    )


def turn(page: Page, *, hidden: bool) -> None:
    """Let the page think that its tab is hidden, or seen again."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_the_numbers_come_by_themselves_in_either_language(visit: Visit, panel: Page) -> None:
    expect(panel.get_by_text("No hay líneas así.")).to_be_visible()
    assert visit.ask() == 200
    expect(panel.locator("#lines tr")).to_have_count(1)
    expect(panel.locator("#lines tr")).to_contain_text("/service")
    expect(panel.locator("#lines tr")).to_contain_text("200")
    expect(panel.locator("#statuses")).to_contain_text("200")
    expect(panel.locator("#figure-lines")).to_have_text(re.compile(r"\d"))
    expect(panel.locator("#stages tr[data-stage=predict] td").first).to_have_text(re.compile(r"\d"))
    expect(panel.locator("#drift")).to_contain_text("muy pocas filas")
    expect(panel.locator("#drift th")).to_have_text("Probabilidad")
    label = re.compile(r"peticiones en la última hora")
    expect(panel.locator("#minutes svg")).to_have_attribute("aria-label", label)
    panel.get_by_role("link", name="English").click()
    expect(panel.locator("#filters").get_by_label("Account")).to_have_value(visit.name)
    expect(panel.locator("#state")).to_have_text("Live: a new look every two seconds.")
    expect(panel.get_by_role("heading", name="The last hour, by the minute")).to_be_visible()
    expect(panel.locator("#lines tr")).to_have_count(1)


def test_the_running_minute_is_counted_as_far_as_it_has_gone(panel: Page) -> None:
    overview = panel.evaluate(
        """() => fetch("operator/overview", {
            headers: {"X-XSRFToken": document.querySelector("[name=xsrf-token]").content},
        }).then((answer) => answer.json())"""
    )
    begun = datetime.fromisoformat(overview["minutes"][-1]["starts_at"])
    overview["at"] = (begun + timedelta(seconds=30)).isoformat()
    overview["last_5_minutes"]["requests"] = 90
    tell(panel, "overview", overview)
    panel.reload()
    expect(panel.locator("#figure-rate")).to_have_text("20,0")


@pytest.mark.parametrize("locale", ["es-ES", "en-US"])
def test_times_are_utc_of_twenty_four_hours_in_either_language(
    browser: Browser, server: Server, olga: Any, locale: str
) -> None:
    line = {
        "ts": "2026-11-22T20:47:23.120000Z",
        "status": 200,
        "method": "POST",
        "route": "/service",
        "timings_ms": {"total": 1.0},
        "plan": "freemium",
        "key_id": "key_0123456789ab",
        "code": None,
        "probabilidad": None,
    }
    with visiting(browser, server, locale=locale, timezone_id="America/New_York") as visit:
        visit.page.context.add_cookies(olga)
        tell(visit.page, "lines", [line])
        page = visit.open("/panel")
        expect(page.locator("#lines th")).to_have_text("20:47:23")
        expect(page.locator("table.lines th").first).to_contain_text("UTC")
        expect(page.locator("#minutes-title")).to_contain_text("UTC")


def test_a_used_up_plan_is_seen(visit: Visit, panel: Page) -> None:
    assert 429 in [visit.ask() for _ in range(11)]
    expect(panel.locator("#refusals")).to_contain_text("freemium")
    expect(panel.locator("#lines")).to_contain_text("rate-limited")
    panel.get_by_label("Intervalo").select_option("última hora")
    expect(panel.locator("#statuses")).to_contain_text("429")


def test_lines_are_filtered_and_go_on_coming(visit: Visit, panel: Page) -> None:
    form = panel.locator("#filters")
    form.get_by_label("Ruta").fill("/service")
    form.get_by_label("Ruta").press("Enter")
    expect(panel.locator("#state")).to_contain_text(LIVE)
    for count in (1, 2):
        visit.ask()
        expect(panel.locator("#lines tr")).to_have_count(count)
    assert f"route=%2Fservice&account={visit.name}" in panel.url.replace("&code=&key=", "")
    form.get_by_label("Estado").select_option("5xx")
    form.get_by_role("button", name="Filtrar").click()
    expect(panel.get_by_text("No hay líneas así.")).to_be_visible()
    panel.reload()
    expect(form.get_by_label("Estado")).to_have_value("5xx")
    expect(panel.get_by_text("No hay líneas así.")).to_be_visible()
    form.get_by_role("button", name="Todas las líneas").click()
    expect(panel.locator("#lines")).to_contain_text("/panel/eventos")


def test_a_filter_that_cannot_be_used_leaves_no_lines_and_says_why(panel: Page) -> None:
    form = panel.locator("#filters")
    for label, text, said in (
        ("Cuenta", "nadie", "No existe esa cuenta."),
        ("Id de clave", "k" * 255, "Id de clave: 254 caracteres como mucho."),
        ("Código", "crk_" + "a" * 36, "Este filtro no se puede usar: Código."),
    ):
        form.get_by_role("button", name="Todas las líneas").click()
        expect(panel.locator("#state")).to_contain_text(LIVE)
        expect(panel.locator("#filter-error")).to_be_hidden()
        expect(panel.locator("#lines tr")).not_to_have_count(0)
        form.get_by_label(label).fill(text)
        form.get_by_label(label).press("Enter")
        expect(panel.locator("#filter-error")).to_have_text(said)
        expect(panel.locator("#lines tr")).to_have_count(0)
        expect(panel.get_by_text("No hay líneas así.")).to_be_hidden()


def test_nothing_comes_while_it_is_paused_or_its_tab_is_hidden(visit: Visit, panel: Page) -> None:
    beside = panel.context.new_page()
    beside.goto(panel.url)
    expect(beside.locator("#state")).to_contain_text(LIVE)
    panel.get_by_role("button", name="Pausar").press("Enter")
    expect(panel.locator("#state")).to_have_text("En pausa.")
    visit.ask()
    expect(beside.locator("#lines tr")).to_have_count(1)
    expect(panel.locator("#lines tr")).to_have_count(0)
    turn(panel, hidden=True)
    turn(panel, hidden=False)
    expect(panel.locator("#state")).to_have_text("En pausa.")
    panel.get_by_role("button", name="Seguir").press("Enter")
    expect(panel.locator("#lines tr")).to_have_count(1)
    turn(panel, hidden=True)
    expect(panel.locator("#state")).to_have_text("Sin datos en vivo.")
    visit.ask()
    expect(beside.locator("#lines tr")).to_have_count(2)
    expect(panel.locator("#lines tr")).to_have_count(1)
    turn(panel, hidden=False)
    expect(panel.locator("#lines tr")).to_have_count(2)
    expect(panel.locator("#state")).to_contain_text(LIVE)


def test_a_right_that_is_taken_away_ends_it(visit: Visit, olga: Any) -> None:
    assert olga  # the last operator's right could not be taken
    page = visit.register()
    visit.set_operator(is_operator=True)
    # The events end, as they do when a right is taken away, and the browser asks again.
    body = "retry: 50\n\n"
    page.route(
        "**/panel/eventos*",
        lambda route: route.fulfill(content_type="text/event-stream", body=body),
    )
    visit.open("/panel")
    expect(page.locator("#state")).to_contain_text("Se ha perdido la conexión")
    visit.set_operator(is_operator=False)
    page.unroute("**/panel/eventos*")
    expect(page.locator("#state")).to_contain_text("ya no eres operador")
    expect(page.get_by_role("link", name="Volver a entrar")).to_be_visible()


def test_an_account_is_looked_up_and_suspended_by_two_presses(visit: Visit, panel: Page) -> None:
    panel.get_by_role("link", name="Todas las cuentas").click()
    panel.get_by_role("searchbox").fill(visit.name.upper())
    panel.get_by_role("searchbox").press("Enter")
    panel.get_by_role("link", name=visit.name).click()
    expect(panel.locator("tbody code").nth(1)).to_have_text(f"{visit.key[:10]}…")
    assert visit.key not in panel.content()
    expect(panel.get_by_role("button", name="Suspender la cuenta")).to_be_hidden()
    panel.get_by_text("Suspender…").press("Enter")
    panel.get_by_role("button", name="Suspender la cuenta").press("Enter")
    expect(panel.get_by_role("status")).to_have_text("La cuenta está suspendida.")
    assert visit.ask() == 403
    panel.get_by_text("Reanudar…").click()
    panel.get_by_role("button", name="Reanudar la cuenta").click()
    expect(panel.get_by_role("status")).to_have_text("La cuenta ya no está suspendida.")
    assert visit.ask() == 200


def test_a_plan_is_changed_and_a_key_revoked_by_two_presses(visit: Visit, panel: Page) -> None:
    visit.open(f"/panel/cuentas?buscar={visit.key[:10]}")
    panel.get_by_role("link", name=visit.name).click()
    for plan, said in (("premium", "está ahora en"), ("premium", "ya estaba en")):
        panel.get_by_text("Cambiar el plan…").click()
        panel.get_by_label("Plan nuevo").select_option(plan)
        panel.get_by_role("button", name="Cambiar el plan").click()
        expect(panel.get_by_role("status")).to_have_text(f"La cuenta {said} el plan {plan}.")
        expect(panel.locator(".account dl")).to_contain_text(plan)
        expect(panel.get_by_label("Plan nuevo")).to_have_value("freemium")
    key = panel.get_by_role("row").filter(has_text=visit.key[:10])
    expect(key.get_by_role("button", name="Revocar para siempre")).to_be_hidden()
    key.get_by_text("Revocar…").press("Enter")
    key.get_by_role("button", name="Revocar para siempre").press("Enter")
    expect(panel.get_by_role("status")).to_have_text("La clave se ha revocado.")
    expect(key).to_contain_text("revocada")
    assert visit.ask() == 401


def test_the_lines_of_an_account_are_a_link_away_and_a_hostile_name_is_text(
    visit: Visit, panel: Page
) -> None:
    name = f'{visit.name}"><img src=x onerror=alert(1)>&'
    visit.server.ask(create_key(visit.server.settings, name, "freemium"))
    visit.open("/panel/cuentas?buscar=onerror")
    panel.get_by_role("link", name=name).click()
    expect(panel.get_by_role("heading", level=2)).to_have_text(name)
    panel.get_by_role("link", name="Sus líneas en la bitácora").click()
    expect(panel.locator("#filters").get_by_label("Cuenta")).to_have_value(name)
    expect(panel.locator("#lines tr")).to_have_count(1)
    expect(panel.locator("#lines tr")).to_contain_text("/service")


def test_without_scripts_accounts_are_suspended_all_the_same(scriptless: Visit, olga: Any) -> None:
    assert scriptless.key
    scriptless.page.context.add_cookies(olga)
    page = scriptless.open("/panel")
    expect(page.get_by_text("Los números necesitan scripts")).to_be_visible()
    page.get_by_role("link", name="Todas las cuentas").click()
    page.get_by_role("searchbox").fill(scriptless.name)
    page.get_by_role("button", name="Buscar").click()
    page.get_by_role("link", name=scriptless.name).click()
    page.get_by_text("Suspender…").click()
    page.get_by_role("button", name="Suspender la cuenta").click()
    expect(page.get_by_role("status")).to_have_text("La cuenta está suspendida.")


def test_the_pages_are_accessible_and_fit(visit: Visit, panel: Page) -> None:
    assert 429 in [visit.ask() for _ in range(11)]
    expect(panel.locator("#lines")).to_contain_text("rate-limited")
    visit.look("panel")
    visit.open(f"/panel/cuentas?buscar={visit.name}")
    panel.get_by_role("link", name=visit.name).click()
    panel.get_by_text("Suspender…").click()
    panel.get_by_text("Revocar…").click()
    visit.look("panel-account")
    visit.open("/panel/cuentas")
    visit.look("panel-accounts")
