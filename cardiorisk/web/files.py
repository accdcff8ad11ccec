"""The files that a browser loads, ours and Swagger UI's.

They are read once, at start: a request touches no disk, and what is in no table does not exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

_OURS = Path(__file__).parents[1] / "pages" / "static"
_SWAGGER = _OURS / "swagger-ui"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_SWAGGER_NAMES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

FILE_NAMES = ("docs.css", "docs.js", *_SWAGGER_NAMES)
"""Everything that the API's page is made of."""
ASSET_NAMES = (
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
ASSETS_ROUTE = "/static/{version}/{file}"


@dataclass(frozen=True, slots=True)
class ServedFile:
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """What is served ready-made."""

    openapi: Callable[[], bytes]  # the description of the API, JSON
    page: bytes  # shows it, HTML
    by_name: Mapping[str, ServedFile]  # what that page is made of
    assets: Mapping[str, ServedFile]  # what the other pages are made of
    assets_version: str


def load_files(describe: Callable[[], bytes]) -> Files:
    """Read the files; the description is written when it is first asked for."""
    by_name = {
        name: _load((_SWAGGER if name in _SWAGGER_NAMES else _OURS) / name) for name in FILE_NAMES
    }
    # The page names its files with their version, so that they may be kept for a year.
    page = (_OURS / "docs.html").read_text(encoding="utf-8").replace("{version}", _version(by_name))
    assets = {name: _load(_OURS / name) for name in ASSET_NAMES}
    return Files(
        openapi=cache(describe),
        page=page.encode(),
        by_name=by_name,
        assets=assets,
        assets_version=_version(assets),
    )


def _version(files: Mapping[str, ServedFile]) -> str:
    return sha256(b"".join(served.body for served in files.values())).hexdigest()[:12]


def _load(path: Path) -> ServedFile:
    return ServedFile(_CONTENT_TYPES[path.suffix], path.read_bytes())
