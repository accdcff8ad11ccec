"""The API's description, the page that shows it, and every page's files, read once at start."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from cardiorisk.errors import InvalidQuery, NotFound
from cardiorisk.web.handlers import BaseHandler
from cardiorisk.web.operations import operation
from cardiorisk.web.services import Files, ServedFile
from cardiorisk.web.shapes import OpenApiAnswer, Rule, Sent

ASSETS_ROUTE = "/static/{version}/{file}"
_FOLDER = Path(__file__).parents[1] / "pages" / "static"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}

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


_v = Rule(str, "be text", {"type": "string", "description": "A new one for each version"})


class FileParameters(Sent):
    """Which version of a file is wanted."""

    refusal = InvalidQuery

    v: Annotated[str | None, _v] = None


class FileHandler(BaseHandler):
    """A file; in the place of another version's, as while processes are replaced, ours.

    That must not be kept under the other version's name.
    """

    @operation(
        "docsFile",
        query=(FileParameters,),
        answer="The file",
        content_types=("text/css", "text/javascript", "image/png"),
        problems=(NotFound,),
    )
    def get(self, *version_and_name: str) -> None:
        """What the page is made of."""
        *version, name = version_and_name
        files = self.services.files
        if (served := files.by_name.get(name)) is None:
            raise NotFound("there is no such file")
        is_ours = files.version in (*version, self.get_query_argument("v", ""))
        kept = "public, max-age=31536000, immutable" if is_ours else "no-cache"
        self.set_header("Cache-Control", kept)
        self.finish(served.body, served.content_type)

    head = get


def load_files(describe: Callable[[], bytes]) -> Files:
    by_name = {
        path.name: ServedFile(_CONTENT_TYPES[path.suffix], path.read_bytes())
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _CONTENT_TYPES
    }
    version = sha256(b"".join(served.body for served in by_name.values())).hexdigest()[:12]
    # The page names its files with their version, so that they may be kept for a year.
    page = (_FOLDER / "docs.html").read_text(encoding="utf-8").replace("{version}", version)
    return Files(cache(describe), page.encode(), by_name, version)
