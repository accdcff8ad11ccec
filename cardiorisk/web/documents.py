"""The API's description, the page that shows it, and every page's files, read once at start."""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from cardiorisk.errors import InvalidQuery, NotFound
from cardiorisk.web.handlers import BaseHandler
from cardiorisk.web.operations import operation
from cardiorisk.web.services import Files, ServedFile
from cardiorisk.web.shapes import OpenApiAnswer, Rule, Sent

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
ASSET_NAMES = tuple(
    path.name
    for path in sorted(_OURS.iterdir())
    if path.suffix in _CONTENT_TYPES and path.name not in FILE_NAMES
)
ASSETS_ROUTE = "/static/{version}/{file}"

_POLICY = "Content-Security-Policy"
# Swagger UI's style sheet has its icons in itself, hence the one "data:".
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class OpenApiHandler(BaseHandler):
    @operation("openApi", OpenApiAnswer)
    def get(self) -> None:
        """This document."""
        self.finish(self.services.files.openapi(), "application/json")

    head = get


class DocsHandler(BaseHandler):
    @operation("docs", answer="The page", headers=(_POLICY,), content_types=("text/html",))
    def get(self) -> None:
        """This document as a page to read and to try."""
        self.set_header(_POLICY, CONTENT_SECURITY_POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(self.services.files.page, "text/html; charset=utf-8")

    head = get


class SwaggerUiHandler(BaseHandler):
    def get(self) -> None:
        self.set_status(308)
        self.set_header("Location", "docs")  # as seen from "/swagger-ui"
        self.finish()

    head = get


class KeptFileHandler(BaseHandler):
    def send(self, served: ServedFile | None, *, is_of_version: bool) -> None:
        """Send a file; in the place of another version's, as while processes are replaced, ours.

        That must not be kept under the other version's name.
        """
        if served is None:
            raise NotFound("there is no such file")
        kept = "public, max-age=31536000, immutable"
        self.set_header("Cache-Control", kept if is_of_version else "no-cache")
        self.finish(served.body, served.content_type)


_v = Rule(str, "be text", {"type": "string", "description": "A new one for each version"})


class FileParameters(Sent):
    """Which version of a file is wanted."""

    refusal = InvalidQuery

    v: Annotated[str | None, _v] = None


class DocsFileHandler(KeptFileHandler):
    @operation(
        "docsFile",
        query=(FileParameters,),
        answer="The file",
        content_types=("text/css", "text/javascript", "image/png"),
        problems=(NotFound,),
    )
    def get(self, name: str) -> None:
        """What the page is made of."""
        files = self.services.files
        asked = self.get_query_argument("v", "")
        self.send(files.by_name.get(name), is_of_version=asked == files.version)

    head = get


class AssetHandler(KeptFileHandler):
    def get(self, version: str, name: str) -> None:
        files = self.services.files
        self.send(files.assets.get(name), is_of_version=version == files.assets_version)

    head = get


def load_files(describe: Callable[[], bytes]) -> Files:
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
        version=_version(by_name),
        assets=assets,
        assets_version=_version(assets),
    )


def _version(files: Mapping[str, ServedFile]) -> str:
    return sha256(b"".join(served.body for served in files.values())).hexdigest()[:12]


def _load(path: Path) -> ServedFile:
    return ServedFile(_CONTENT_TYPES[path.suffix], path.read_bytes())
