"""The API's description and its page, as a browser gets them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cardiorisk.web.files import FILE_NAMES
from tests.conformity import description
from tests.support import document

if TYPE_CHECKING:
    from tests.support import Bitacora, Caller


@pytest.mark.gen_test
async def test_the_description_is_served_to_anybody(stranger: Caller) -> None:
    response = await stranger.send("GET", "/openapi.json")
    assert response.headers["Content-Type"] == "application/json"
    assert document(response) == description()


@pytest.mark.gen_test
async def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline(
    stranger: Caller,
) -> None:
    response = await stranger.send("GET", "/docs")
    directives = dict(
        directive.split(" ", 1)
        for directive in response.headers["Content-Security-Policy"].split("; ")
    )
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.gen_test
async def test_the_page_has_no_script_or_style_of_its_own(stranger: Caller) -> None:
    page = (await stranger.send("GET", "/docs")).body.decode()
    assert re.findall(r"<script(?! src=)|<style|style=|\son[a-z]+=|https?:", page) == []


@pytest.mark.gen_test
async def test_the_page_leads_back_to_the_others(stranger: Caller) -> None:
    page = (await stranger.send("GET", "/docs")).body.decode()
    assert '<html lang="en">' in page
    assert '<a href="./">' in page


@pytest.mark.gen_test
async def test_everything_the_page_asks_for_is_served(stranger: Caller) -> None:
    page = (await stranger.send("GET", "/docs")).body.decode()
    wanted = re.findall(r'(?:href|src)="(docs/[^"]+)"', page)
    assert {path.partition("?")[0].removeprefix("docs/") for path in wanted} == set(FILE_NAMES)
    for path in wanted:
        response = await stranger.send("GET", f"/{path}")
        assert response.code == 200
        assert response.body


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("docs.css", "text/css; charset=utf-8"),
        ("docs.js", "text/javascript; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("favicon-32x32.png", "image/png"),
    ],
)
async def test_a_file_has_its_type_and_may_be_kept(
    stranger: Caller, name: str, content_type: str
) -> None:
    response = await stranger.send("GET", f"/docs/{name}")
    assert response.headers["Content-Type"] == content_type
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.gen_test
async def test_the_swagger_ui_that_is_served_can_show_openapi_3_1(stranger: Caller) -> None:
    bundle = (await stranger.send("GET", "/docs/swagger-ui-bundle.js")).body.decode()
    assert re.findall(r'PACKAGE_VERSION:"([0-9]+)\.', bundle) == ["5"]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "name",
    ["docs.html", "..%2fdocs.html", "%2e%2e%2f%2e%2e%2froutes.py", "swagger-editor.js", "%00", "a"],
)
async def test_no_other_file_can_be_named(stranger: Caller, name: str, bitacora: Bitacora) -> None:
    response = await stranger.send("GET", f"/docs/{name}")
    assert response.code == 404
    assert document(response)["code"] == "not-found"
    assert bitacora.last()["route"] == "/docs/{file}"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/openapi.json", "/openapi.json"),
        ("/docs", "/docs"),
        ("/docs/docs.js?v=1", "/docs/{file}"),
    ],
)
async def test_a_reader_is_in_the_log(
    stranger: Caller, bitacora: Bitacora, path: str, route: str
) -> None:
    await stranger.send("GET", path)
    line = bitacora.last()
    assert (line["route"], line["status"]) == (route, 200)


@pytest.mark.gen_test
async def test_a_dot_in_a_path_is_a_dot(stranger: Caller) -> None:
    assert (await stranger.send("GET", "/openapiXjson")).code == 404
