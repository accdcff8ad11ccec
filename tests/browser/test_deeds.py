"""Every button pressed twice while the network is slow, with scripts and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import PASSWORD, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.visiting import Visit
    from tests.processes import Server

SLOW = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}
NEW_PASSWORD = "otra clave larga"
KEY = re.compile(r"^crk_[0-9A-Za-z]{36}$")


def press_twice(page: Page, button: Locator) -> None:
    """Press a button, and again while its answer is on the way over a slow network."""
    session = page.context.new_cdp_session(page)
    session.send("Network.emulateNetworkConditions", SLOW)
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(*place)
    page.wait_for_timeout(150)
    page.mouse.click(*place)
    page.wait_for_timeout(50)
    session.send("Network.emulateNetworkConditions", SLOW | {"latency": 0})
    session.detach()


def keys_of(page: Page) -> int:
    found = re.search(r"\((\d+)\)", page.locator("#active-title").inner_text())
    assert found
    return int(found[1])


def press_every_button_of_an_account(visit: Visit) -> None:
    page = visit.open("/registro")
    page.locator("#username").fill(visit.name)
    page.locator("#email").fill(f"{visit.name}@example.org")
    page.locator("#password").fill(PASSWORD)
    press_twice(page, page.locator("main button[type=submit]"))
    expect(page.get_by_role("heading", level=1)).to_have_text(visit.name)
    visit.open("/claves")
    press_twice(page, page.locator("[value=crear]"))
    expect(page.locator("#new-key")).to_have_text(KEY)
    assert keys_of(page) == 1
    for button, left in (("rotar", 1), ("rotar-hora", 2)):
        page.locator("summary").first.click()
        press_twice(page, page.locator(f"[value={button}]").first)
        expect(page.locator("#new-key")).to_have_text(KEY)
        assert keys_of(page) == left
    new = page.locator("#new-key").inner_text()
    assert visit.server.ask(new)[0] == 200
    page.reload()
    assert page.locator("#new-key").inner_text() == new
    assert keys_of(page) == 2
    page.locator("summary").first.click()
    press_twice(page, page.locator("[value=revocar]").first)
    expect(page.locator(".done")).to_be_visible()
    assert keys_of(page) == 1
    visit.open("/cuenta")
    page.locator("[value=premium]").check()
    page.locator("#plan-password").fill(PASSWORD)
    press_twice(page, page.locator("[name=accion][value=plan]"))
    expect(page).to_have_url(re.compile("hecho=plan$"))
    page.locator("#clave-password").fill(PASSWORD)
    page.locator("#clave-new_password").fill(NEW_PASSWORD)
    press_twice(page, page.locator("[name=accion][value=clave]"))
    expect(page).to_have_url(re.compile("hecho=clave$"))
    press_twice(page, page.locator("header button"))
    expect(page).to_have_url(re.compile("/entrar$"))
    page.locator("#username").fill(visit.name)
    page.locator("#password").fill(NEW_PASSWORD)
    press_twice(page, page.locator("main button[type=submit]"))
    expect(page).to_have_url(re.compile("/cuenta$"))
    page.locator("summary").last.click()
    page.locator("#borrar-password").fill(NEW_PASSWORD)
    press_twice(page, page.locator("[name=accion][value=borrar]"))
    expect(page).to_have_url(re.compile("hecho=borrada$"))


def press_every_button_of_an_operator(visit: Visit) -> None:
    page = visit.open("/panel/cuentas")
    page.locator("summary").click()
    page.locator("#username").fill(visit.name)
    press_twice(page, page.locator("main button[type=submit]").last)
    expect(page.locator("#new-key")).to_have_text(KEY)
    for deed in ("revocar", "plan", "suspender", "reanudar", "borrar"):
        form = page.locator(f"form:has([name=hacer][value={deed}])")
        page.locator(f"details:has([name=hacer][value={deed}]) > summary").click()
        if deed == "borrar":
            form.locator("[name=nombre]").fill(visit.name)
        press_twice(page, form.locator("button"))
        expect(page).to_have_url(re.compile(f"hecho={deed}$"))


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "bare"])
def test_a_button_pressed_twice_does_its_deed_once(
    browser: Browser, server: Server, *, has_scripts: bool
) -> None:
    locale = "en-GB" if has_scripts else "es-ES"
    with visiting(browser, server, java_script_enabled=has_scripts, locale=locale) as visit:
        press_every_button_of_an_account(visit)


def test_an_operator_s_button_pressed_twice_does_its_deed_once(
    olga: Any, browser: Browser, server: Server
) -> None:
    with visiting(browser, server, java_script_enabled=False) as visit:
        visit.page.context.add_cookies(olga)
        press_every_button_of_an_operator(visit)
