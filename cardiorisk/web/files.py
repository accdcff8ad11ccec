"""The door to the files that a browser loads: a few of ours, and Swagger UI's.

Read whole at the start of the process, so that a request touches no disk and can name no path:
what is not in the table does not exist. The surprise: the package that ships Swagger UI is looked
up and never imported, because its code would bring a template engine and a YAML reader along.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS = Path(__file__).parents[1] / "pages" / "static"
_SWAGGER_PACKAGE = "swagger_ui"
_PAGE = "docs.html"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_OUR_NAMES = ("docs.css", "docs.js")
_SWAGGER_NAMES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

FILE_NAMES: tuple[str, ...] = (*_OUR_NAMES, *_SWAGGER_NAMES)
"""Everything that the API's page is made of."""
ASSET_NAMES: tuple[str, ...] = (
    "account.js",
    "assess.js",
    "calls.js",
    "charts.js",
    "copy.js",
    "icon.svg",
    "pages.css",
    "panel.js",
    "service.js",
    "words.js",
)
"""Everything that the other pages are made of."""


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file as it is sent."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """What is served ready-made.

    Attributes:
        openapi: the description of the API, JSON.
        page: the page that shows it, HTML.
        by_name: what the page is made of.
        assets: what the other pages are made of.
        assets_version: changes where one of the assets does.
    """

    openapi: bytes
    page: bytes
    by_name: Mapping[str, ServedFile]
    assets: Mapping[str, ServedFile]
    assets_version: str


def load_files(openapi: dict[str, Any]) -> Files:
    """Read the files, and write the description that they show."""
    by_name = {name: _load(_OURS / name) for name in _OUR_NAMES}
    by_name |= {name: _load(_swagger_directory() / name) for name in _SWAGGER_NAMES}
    # The page names its files with their version, so that they may be kept for a year.
    page = (_OURS / _PAGE).read_text(encoding="utf-8").replace("{version}", _version(by_name))
    assets = {name: _load(_OURS / name) for name in ASSET_NAMES}
    return Files(
        openapi=json.dumps(openapi, ensure_ascii=False).encode(),
        page=page.encode(),
        by_name=by_name,
        assets=assets,
        assets_version=_version(assets),
    )


def _version(files: Mapping[str, ServedFile]) -> str:
    return sha256(b"".join(served.body for served in files.values())).hexdigest()[:12]


def _load(path: Path) -> ServedFile:
    return ServedFile(_CONTENT_TYPES[path.suffix], path.read_bytes())


def _swagger_directory() -> Path:
    spec = find_spec(_SWAGGER_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{_SWAGGER_PACKAGE} is not installed: run `make install`")
    return Path(spec.origin).parent / "static"
