"""What a browser loads: the API's description, the page that shows it, and every page's files."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

import cardiorisk.pages
from cardiorisk.web.documents import load_files
from tests.conformity import description
from tests.support import Bitacora, Caller, document, told

SWAGGER = Path(cardiorisk.pages.__file__).parent / "static" / "swagger-ui"
LARGEST_BYTES = 45 * 1000
DOCS_FILES = description()["components"]["parameters"]["file"]["schema"]["enum"]


async def test_the_description_is_served_to_anybody(stranger: Caller) -> None:
    response = await stranger.send("GET", "/openapi.json")
    assert response.headers["Content-Type"] == "application/json"
    assert document(response) == description()


async def test_the_api_s_page_may_load_nothing_from_elsewhere_and_holds_nothing_inline(
    stranger: Caller,
) -> None:
    response = await stranger.send("GET", "/docs")
    policy = response.headers["Content-Security-Policy"]
    assert dict(directive.split(" ", 1) for directive in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert response.headers["Referrer-Policy"] == "no-referrer"
    page = response.body.decode()
    assert re.findall(r"<script(?! src=)|<style|style=|\son[a-z]+=|https?:", page) == []
    assert '<html lang="en">' in page


@pytest.mark.parametrize(
    ("path", "folder", "names"),
    [
        ("/docs", "static", DOCS_FILES),
        ("/", "static", ("assess.js", "forms.js", "icon.svg", "pages.css")),
    ],
)
async def test_everything_that_a_page_asks_for_is_served_to_be_kept(
    stranger: Caller, path: str, folder: str, names: tuple[str, ...]
) -> None:
    page = (await stranger.send("GET", path)).body.decode()
    wanted = re.findall(rf'(?:href|src)="({folder}/[^"]+)"', page)
    assert {Path(file.partition("?")[0]).name for file in wanted} == set(names)
    types = {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".png": "image/png",
        ".svg": "image/svg+xml",
    }
    for file in wanted:
        response = await stranger.send("GET", f"/{file}")
        assert (response.code, len(response.body) > 0) == (200, True)
        assert response.headers["Content-Type"] == types[Path(file.partition("?")[0]).suffix]
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/docs/docs.html", "/docs/{file}"),
        ("/docs/..%2fdocs.html", "/docs/{file}"),
        ("/docs/%2e%2e%2f%2e%2e%2froutes.py", "/docs/{file}"),
        ("/docs/LICENSE", "/docs/{file}"),
        ("/docs/%00", "/docs/{file}"),
        (f"/static/{load_files(bytes).version}/docs.html", "/static/{version}/{file}"),
    ],
)
async def test_no_other_file_can_be_named(
    stranger: Caller, bitacora: Bitacora, path: str, route: str
) -> None:
    response = await stranger.send("GET", path)
    assert told(response) == (404, "not-found")
    assert bitacora.last()["route"] == route


@pytest.mark.parametrize("path", ["/static/0123456789ab/pages.css", "/docs/docs.js"])
async def test_a_file_of_another_version_is_ours_and_is_not_kept(
    stranger: Caller, path: str
) -> None:
    """While processes are replaced, a page of one may ask another for its files."""
    response = await stranger.send("GET", path)
    name = Path(path.partition("?")[0]).name
    assert (response.code, response.headers["Cache-Control"]) == (200, "no-cache")
    assert response.body == (SWAGGER.parent / name).read_bytes()


def test_swagger_ui_is_the_version_that_its_folder_names() -> None:
    (version,) = re.findall(r"# Swagger UI (5\.[0-9.]+)\n", (SWAGGER / "README.md").read_text())
    bundle = (SWAGGER / "swagger-ui-bundle.js").read_text()
    assert re.findall(r'PACKAGE_VERSION:"([^"]+)"', bundle) == [version]
    assert "sourceMappingURL" not in bundle + (SWAGGER / "swagger-ui.css").read_text()


def test_what_the_pages_are_made_of_is_small() -> None:
    served = load_files(bytes).by_name.items()
    ours = [body for name, (_, body) in served if name not in DOCS_FILES]
    assert sum(len(gzip.compress(body)) for body in ours) < LARGEST_BYTES
