"""The panel, as an operator uses it: in a browser."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Looker, Visit
    from tests.processes import Server

PASSWORD = "correct horse battery"


def register(server: Server, name: str) -> None:
    form = {"username": name, "password": PASSWORD, "email": f"{name}@example.org"}
    request = Request(f"http://{server.address}/register", json.dumps(form).encode())
    with urlopen(request) as answer:  # noqa: S310 - as above
        assert answer.status == 201


def log_in(page: Page, server: Server, path: str = "panel") -> Page:
    """Make Olga an operator, and log her in on the way to a page."""
    register(server, "olga")
    server.command("accounts", "operator", "olga", "on")
    page.goto(f"http://{server.address}/{path}")
    page.get_by_label(re.compile("Nombre de usuario|User name")).fill("olga")
    page.get_by_label(re.compile("Contraseña|Password")).fill(PASSWORD)
    page.get_by_role("button", name=re.compile("Entrar|Log in")).click()
    page.wait_for_url(f"**/{path}")
    return page


@pytest.fixture
def panel(visit: Visit) -> Page:
    page = log_in(visit.page, visit.server)
    expect(page.locator("#state")).to_contain_text("En vivo")
    return page


def figure(page: Page, name: str) -> str:
    return page.locator(f"#figure-{name}").inner_text()


def test_who_is_no_operator_sees_nothing_of_it(visit: Visit) -> None:
    register(visit.server, "ana")
    page = visit.open("/panel")
    page.get_by_label("Nombre de usuario").fill("ana")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_have_text("Esta página es para operadores.")
    expect(page.get_by_role("link", name="Panel")).to_have_count(0)


def test_the_numbers_come_by_themselves(visit: Visit, panel: Page) -> None:
    visit.server.ask()
    expect(panel.locator("#lines tr").first).to_contain_text("/service")
    expect(panel.locator("#lines tr").first).to_contain_text("200")
    expect(panel.locator("#statuses")).to_contain_text("201")
    expect(panel.locator("#figure-lines")).to_have_text(re.compile(r"\d"))
    expect(panel.locator("#stages tr[data-stage=predict] td").first).to_have_text(re.compile(r"\d"))
    expect(panel.locator("#drift")).to_contain_text("muy pocas filas")
    expect(panel.locator("#drift th")).to_have_text("Probabilidad")
    expect(panel.locator("#minutes svg")).to_have_attribute(
        "aria-label", re.compile(r"peticiones en la última hora")
    )


def test_the_running_minute_is_counted_as_far_as_it_has_gone(panel: Page) -> None:
    overview = panel.evaluate(
        """() => fetch("operator/overview", {
            headers: {"X-XSRFToken": document.querySelector("[name=xsrf-token]").content},
        }).then((answer) => answer.json())"""
    )
    begun = datetime.fromisoformat(overview["minutes"][-1]["starts_at"])
    overview["at"] = (begun + timedelta(seconds=30)).isoformat()
    overview["last_5_minutes"]["requests"] = 90
    panel.route(
        "**/panel/eventos*",
        lambda route: route.fulfill(
            content_type="text/event-stream",
            body=f"event: overview\ndata: {json.dumps(overview)}\n\n",
        ),
    )
    panel.reload()
    expect(panel.locator("#figure-rate")).to_have_text("20,0")


@pytest.mark.parametrize("locale", ["es-ES", "en-US"])
def test_times_are_utc_of_twenty_four_hours_in_either_language(
    browser: Browser, server: Server, locale: str
) -> None:
    context = browser.new_context(locale=locale, timezone_id="America/New_York")
    page = log_in(context.new_page(), server)
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
    page.route(
        "**/panel/eventos*",
        lambda route: route.fulfill(
            content_type="text/event-stream", body=f"event: lines\ndata: {json.dumps([line])}\n\n"
        ),
    )
    page.goto(f"http://{server.address}/panel")
    expect(page.locator("#lines th")).to_have_text("20:47:23")
    expect(page.locator("table.lines th").first).to_contain_text("UTC")
    expect(page.locator("#minutes-title")).to_contain_text("UTC")
    context.close()


def test_a_used_up_plan_is_seen(visit: Visit, panel: Page) -> None:
    for _ in range(11):
        if visit.server.ask()[0] == 429:
            break
    expect(panel.locator("#refusals")).to_contain_text("freemium")
    expect(panel.locator("#lines")).to_contain_text("rate-limited")
    panel.get_by_label("Intervalo").select_option("última hora")
    expect(panel.locator("#statuses")).to_contain_text("429")


def test_lines_are_filtered_and_go_on_coming(visit: Visit, panel: Page) -> None:
    visit.server.ask()
    form = panel.locator("#filters")
    form.get_by_label("Ruta").fill("/service")
    form.get_by_label("Ruta").press("Enter")
    expect(panel.locator("#lines tr")).to_have_count(1)
    visit.server.ask()
    expect(panel.locator("#lines tr")).to_have_count(2)
    assert "route=%2Fservice" in panel.url
    form.get_by_label("Estado").select_option("5xx")
    form.get_by_role("button", name="Filtrar").click()
    expect(panel.get_by_text("No hay líneas así.")).to_be_visible()
    form.get_by_role("button", name="Todas las líneas").click()
    expect(panel.locator("#lines")).to_contain_text("/panel/eventos")


@pytest.mark.parametrize(
    ("label", "text", "said"),
    [
        ("Cuenta", "nadie", "No existe esa cuenta."),
        ("Id de clave", "k" * 255, "Id de clave: 254 caracteres como mucho."),
        ("Código", "crk_" + "a" * 36, "Este filtro no se puede usar: Código."),
    ],
)
def test_a_filter_that_cannot_be_used_leaves_no_lines_and_says_why(
    panel: Page, label: str, text: str, said: str
) -> None:
    expect(panel.locator("#lines tr")).not_to_have_count(0)
    panel.locator("#filters").get_by_label(label).fill(text)
    panel.locator("#filters").get_by_label(label).press("Enter")
    expect(panel.locator("#filter-error")).to_have_text(said)
    expect(panel.locator("#lines tr")).to_have_count(0)
    expect(panel.get_by_text("No hay líneas así.")).to_be_hidden()
    panel.get_by_role("button", name="Todas las líneas").click()
    expect(panel.locator("#state")).to_contain_text("En vivo")
    expect(panel.locator("#filter-error")).to_be_hidden()
    expect(panel.locator("#lines tr")).not_to_have_count(0)


def test_it_can_be_stopped_and_goes_on(visit: Visit, panel: Page) -> None:
    panel.get_by_role("button", name="Pausar").press("Enter")
    expect(panel.locator("#state")).to_have_text("En pausa.")
    before = panel.locator("#lines").inner_text()
    beside = panel.context.new_page()
    beside.goto(panel.url)
    expect(beside.locator("#state")).to_contain_text("En vivo")
    visit.server.ask()
    expect(beside.locator("#lines")).to_contain_text("/service")
    assert panel.locator("#lines").inner_text() == before
    panel.get_by_role("button", name="Seguir").press("Enter")
    expect(panel.locator("#lines")).to_contain_text("/service")


def turn(page: Page, *, hidden: bool) -> None:
    """Let the page think that its tab is hidden, or seen again."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_hidden_tab_asks_for_nothing_until_it_is_seen(visit: Visit, panel: Page) -> None:
    before = panel.locator("#lines").inner_text()
    turn(panel, hidden=True)
    expect(panel.locator("#state")).to_have_text("Sin datos en vivo.")
    beside = panel.context.new_page()
    beside.goto(panel.url)
    visit.server.ask()
    expect(beside.locator("#lines")).to_contain_text("/service")
    assert panel.locator("#lines").inner_text() == before
    turn(panel, hidden=False)
    expect(panel.locator("#lines")).to_contain_text("/service")
    expect(panel.locator("#state")).to_contain_text("En vivo")


def test_what_was_paused_is_paused_when_it_is_seen_again(panel: Page) -> None:
    panel.get_by_role("button", name="Pausar").press("Enter")
    turn(panel, hidden=True)
    turn(panel, hidden=False)
    expect(panel.locator("#state")).to_have_text("En pausa.")
    panel.get_by_role("button", name="Seguir").press("Enter")
    expect(panel.locator("#state")).to_contain_text("En vivo")


def test_a_right_that_is_taken_away_ends_it(visit: Visit, panel: Page) -> None:
    visit.server.command("accounts", "operator", "olga", "off")
    expect(panel.locator("#state")).to_contain_text("ya no eres operador", timeout=20_000)
    expect(panel.get_by_role("link", name="Volver a entrar")).to_be_visible()


def test_an_account_is_looked_up_and_suspended_by_two_presses(visit: Visit, panel: Page) -> None:
    panel.get_by_role("link", name="Todas las cuentas").click()
    panel.get_by_role("searchbox").fill("DEM")
    panel.get_by_role("searchbox").press("Enter")
    panel.get_by_role("link", name="demo").click()
    expect(panel.locator("tbody code").nth(1)).to_have_text(f"{visit.server.key[:10]}…")
    assert visit.server.key not in panel.content()
    expect(panel.get_by_role("button", name="Suspender la cuenta")).to_be_hidden()
    panel.get_by_text("Suspender…").press("Enter")
    panel.get_by_role("button", name="Suspender la cuenta").press("Enter")
    expect(panel.get_by_role("status")).to_have_text("La cuenta está suspendida.")
    assert visit.server.ask()[0] == 403
    panel.get_by_text("Reanudar…").click()
    panel.get_by_role("button", name="Reanudar la cuenta").click()
    expect(panel.get_by_role("status")).to_have_text("La cuenta ya no está suspendida.")
    assert visit.server.ask()[0] == 200


def test_one_key_is_revoked_by_two_presses(visit: Visit, panel: Page) -> None:
    panel.goto(f"http://{visit.server.address}/panel/cuentas?cuenta=1")
    key = panel.get_by_role("row").filter(has_text=visit.server.key[:10])
    expect(key.get_by_role("button", name="Revocar para siempre")).to_be_hidden()
    key.get_by_text("Revocar…").press("Enter")
    key.get_by_role("button", name="Revocar para siempre").press("Enter")
    expect(panel.get_by_role("status")).to_have_text("La clave se ha revocado.")
    assert visit.server.ask()[0] == 401


def test_a_plan_is_changed_by_two_presses(visit: Visit, panel: Page) -> None:
    panel.goto(f"http://{visit.server.address}/panel/cuentas?buscar={visit.server.key[:10]}")
    panel.get_by_role("link", name="demo").click()
    panel.get_by_text("Cambiar el plan…").click()
    expect(panel.get_by_label("Plan nuevo")).to_have_value("premium")
    panel.get_by_role("button", name="Cambiar el plan").click()
    expect(panel.get_by_role("status")).to_have_text("La cuenta está ahora en el plan premium.")
    expect(panel.locator(".account dl")).to_contain_text("premium")


def test_the_lines_of_an_account_are_a_link_away(visit: Visit, panel: Page) -> None:
    visit.server.ask()
    panel.goto(f"http://{visit.server.address}/panel/cuentas?cuenta=1")
    panel.get_by_role("link", name="Sus líneas en la bitácora").click()
    expect(panel.locator("#filters").get_by_label("Cuenta")).to_have_value("demo")
    expect(panel.locator("#lines tr")).to_have_count(1)
    expect(panel.locator("#lines tr").first).to_contain_text("/service")


def test_one_s_own_account_offers_no_suspension(visit: Visit, panel: Page) -> None:
    panel.goto(f"http://{visit.server.address}/panel/cuentas?cuenta=2")
    expect(panel.get_by_text("Es tu propia cuenta")).to_be_visible()
    expect(panel.get_by_text("Suspender…")).to_have_count(0)


def test_a_hostile_name_is_shown_as_text(visit: Visit, panel: Page) -> None:
    name = '"><img src=x onerror=alert(1)>&'
    visit.server.command("keys", "create", "--account", name)
    panel.goto(f"http://{visit.server.address}/panel/cuentas")
    panel.get_by_role("link", name=name).click()
    expect(panel.get_by_role("heading", level=2)).to_have_text(name)
    panel.get_by_role("link", name="Sus líneas en la bitácora").click()
    expect(panel.locator("#filters").get_by_label("Cuenta")).to_have_value(name)
    expect(panel.locator("#state")).to_contain_text("En vivo")


def test_without_scripts_accounts_are_suspended_all_the_same(
    browser: Browser, server: Server
) -> None:
    context = browser.new_context(java_script_enabled=False, locale="es-ES")
    page = log_in(context.new_page(), server)
    expect(page.get_by_text("Los números necesitan scripts")).to_be_visible()
    page.get_by_role("link", name="Todas las cuentas").click()
    page.get_by_role("link", name="demo").click()
    page.get_by_text("Suspender…").click()
    page.get_by_role("button", name="Suspender la cuenta").click()
    expect(page.get_by_role("status")).to_have_text("La cuenta está suspendida.")
    context.close()


def test_it_speaks_english_of_the_same_lines(panel: Page) -> None:
    panel.locator("#filters").get_by_label("Ruta").fill("/service")
    panel.locator("#filters").get_by_label("Ruta").press("Enter")
    panel.get_by_role("link", name="English").click()
    expect(panel.locator("#filters").get_by_label("Route")).to_have_value("/service")
    expect(panel.locator("#state")).to_have_text("Live: a new look every two seconds.")
    expect(panel.get_by_role("heading", name="The last hour, by the minute")).to_be_visible()


def test_the_pages_are_accessible_and_fit(looker: Looker, server: Server) -> None:
    page = log_in(looker.page, server)
    for _ in range(8):
        server.ask()
    expect(page.locator("#lines")).to_contain_text("rate-limited")
    looker.look("panel")
    page.goto(f"http://{server.address}/panel/cuentas?cuenta=1")
    page.get_by_text("Suspender…").click()
    page.get_by_text("Revocar…").click()
    looker.look("panel-account")
    page.goto(f"http://{server.address}/panel/cuentas")
    looker.look("panel-accounts")
