"""Every button pressed twice while the service is slow, with scripts and without."""

from __future__ import annotations

import re
import signal
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import PASSWORD, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request

    from tests.browser.visiting import Visit
    from tests.processes import Server

NEW_PASSWORD = "otra clave larga"
KEY = re.compile(r"^crk_[0-9A-Za-z]{36}$")


def press_twice(visit: Visit, button: Locator, *, has_scripts: bool = False) -> None:
    """Press a button, and again before the service has answered; a script sends its form once."""
    page, service, posts = visit.page, visit.server.process, list[str]()

    def is_post(request: Request) -> bool:
        return request.method == "POST"

    def note(request: Request) -> None:
        posts.extend([request.url] * is_post(request))

    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    page.on("request", note)
    page.evaluate("document.body.dataset.pressed = ''")
    service.send_signal(signal.SIGSTOP)
    try:
        for is_sent in (True, not has_scripts):
            with page.expect_request(is_post) if is_sent else nullcontext():
                page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    finally:
        service.send_signal(signal.SIGCONT)
    expect(page.locator("[data-pressed]")).to_have_count(0)
    page.wait_for_load_state()
    page.remove_listener("request", note)
    assert len(posts) == (1 if has_scripts else 2), posts


def keys_of(page: Page) -> int:
    found = re.search(r"\((\d+)\)", page.locator("#active-title").inner_text())
    assert found
    return int(found[1])


def press_every_button_of_an_account(visit: Visit, *, has_scripts: bool) -> None:
    press = partial(press_twice, visit, has_scripts=has_scripts)
    page = visit.open("/registro")
    page.locator("#username").fill(visit.name)
    page.locator("#email").fill(f"{visit.name}@example.org")
    page.locator("#password").fill(PASSWORD)
    press(page.locator("main button[type=submit]"))
    expect(page.get_by_role("heading", level=1)).to_have_text(visit.name)
    visit.open("/claves")
    press(page.locator("[value=crear]"))
    expect(page.locator("#new-key")).to_have_text(KEY)
    assert keys_of(page) == 1
    for button, left in (("rotar", 1), ("rotar-hora", 2)):
        page.locator("summary").first.click()
        press(page.locator(f"[value={button}]").first)
        expect(page.locator("#new-key")).to_have_text(KEY)
        assert keys_of(page) == left
    new = page.locator("#new-key").inner_text()
    assert visit.server.ask(new)[0] == 200
    page.reload()
    assert page.locator("#new-key").inner_text() == new
    assert keys_of(page) == 2
    page.locator("summary").first.click()
    press(page.locator("[value=revocar]").first)
    expect(page.locator(".done")).to_be_visible()
    assert keys_of(page) == 1
    visit.open("/cuenta")
    page.locator("[value=premium]").check()
    page.locator("#plan-password").fill(PASSWORD)
    press(page.locator("[name=accion][value=plan]"))
    expect(page).to_have_url(re.compile("hecho=plan$"))
    page.locator("#clave-password").fill(PASSWORD)
    page.locator("#clave-new_password").fill(NEW_PASSWORD)
    press(page.locator("[name=accion][value=clave]"))
    expect(page).to_have_url(re.compile("hecho=clave$"))
    press(page.locator("header button"))
    expect(page).to_have_url(re.compile("/entrar$"))
    page.locator("#username").fill(visit.name)
    page.locator("#password").fill(NEW_PASSWORD)
    press(page.locator("main button[type=submit]"))
    expect(page).to_have_url(re.compile("/cuenta$"))
    page.locator("summary").last.click()
    page.locator("#borrar-password").fill(NEW_PASSWORD)
    press(page.locator("[name=accion][value=borrar]"))
    expect(page).to_have_url(re.compile("hecho=borrada$"))


def press_every_button_of_an_operator(visit: Visit) -> None:
    page = visit.open("/panel/cuentas")
    page.locator("summary").click()
    page.locator("#username").fill(visit.name)
    press_twice(visit, page.locator("main button[type=submit]").last)
    expect(page.locator("#new-key")).to_have_text(KEY)
    for deed in ("revocar", "plan", "suspender", "reanudar", "borrar"):
        form = page.locator(f"form:has([name=hacer][value={deed}])")
        page.locator(f"details:has([name=hacer][value={deed}]) > summary").click()
        if deed == "borrar":
            form.locator("[name=nombre]").fill(visit.name)
        press_twice(visit, form.locator("button"))
        expect(page).to_have_url(re.compile(f"hecho={deed}$"))


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "bare"])
def test_a_button_pressed_twice_does_its_deed_once(
    browser: Browser, server: Server, *, has_scripts: bool
) -> None:
    locale = "en-GB" if has_scripts else "es-ES"
    with visiting(browser, server, java_script_enabled=has_scripts, locale=locale) as visit:
        press_every_button_of_an_account(visit, has_scripts=has_scripts)


def test_an_operator_s_button_pressed_twice_does_its_deed_once(
    olga: Any, browser: Browser, server: Server
) -> None:
    with visiting(browser, server, java_script_enabled=False) as visit:
        visit.page.context.add_cookies(olga)
        press_every_button_of_an_operator(visit)
