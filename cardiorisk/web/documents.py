"""The API's description, the page that shows it, and every page's files, read once at start."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

from cardiorisk.errors import NotFound
from cardiorisk.web.handlers import BaseHandler
from cardiorisk.web.operations import operation
from cardiorisk.web.services import Files
from cardiorisk.web.shapes import OpenApiAnswer

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


class OpenApiHandler(BaseHandler, has_head=True):
    @operation("openApi", OpenApiAnswer)
    def get(self) -> None:
        """This document."""
        self.finish(self.services.files.openapi(), "application/json")


class DocsHandler(BaseHandler, has_head=True):
    @operation("docs", answer="The page", headers=(_POLICY,), content_types=("text/html",))
    def get(self) -> None:
        """This document as a page to read and to try."""
        self.set_header(_POLICY, CONTENT_SECURITY_POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(self.services.files.page, "text/html; charset=utf-8")


class SwaggerUiHandler(BaseHandler, has_head=True):
    def get(self) -> None:
        self.set_status(308)
        self.set_header("Location", "docs")  # as seen from "/swagger-ui"
        self.finish()


class FileHandler(BaseHandler, has_head=True):
    """A file; ours is told not to be kept where another version's was asked for."""

    @operation(
        "docsFile",
        answer="The file",
        content_types=("text/css", "text/javascript", "image/png"),
        problems=(NotFound,),
    )
    def get(self, *version_and_name: str) -> None:
        """What the page is made of."""
        *version, name = version_and_name
        files = self.services.files
        if name not in files.by_name:
            raise NotFound("there is no such file")
        content_type, body = files.by_name[name]
        is_ours = files.version in version
        kept = "public, max-age=31536000, immutable" if is_ours else "no-cache"
        self.set_header("Cache-Control", kept)
        self.finish(body, content_type)


def load_files(describe: Callable[[], bytes]) -> Files:
    by_name = {
        path.name: (_CONTENT_TYPES[path.suffix], path.read_bytes())
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _CONTENT_TYPES
    }
    version = sha256(b"".join(body for _, body in by_name.values())).hexdigest()[:12]
    # The page names its files with their version, so that they may be kept for a year.
    page = (_FOLDER / "docs.html").read_text(encoding="utf-8").replace("{version}", version)
    return Files(cache(describe), page.encode(), by_name, version)
