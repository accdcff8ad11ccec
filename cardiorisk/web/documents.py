"""The API's description, the page that shows it, and every page's files, as they are sent."""

from typing import Annotated

from cardiorisk.errors import InvalidQuery, NotFound
from cardiorisk.web.files import ServedFile
from cardiorisk.web.handlers import BaseHandler
from cardiorisk.web.operations import operation
from cardiorisk.web.shapes import OpenApiAnswer, Rule, Sent

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
    @operation(
        "docs",
        answer="The page",
        headers=("Content-Security-Policy",),
        content_types=("text/html",),
    )
    def get(self) -> None:
        """This document as a page to read and to try."""
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(self.services.files.page, "text/html; charset=utf-8")

    head = get


class KeptFileHandler(BaseHandler):
    """A file that a browser keeps for a year: another version has another URL."""

    def send(self, served: ServedFile | None) -> None:
        if served is None:
            raise NotFound("there is no such file")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(served.body, served.content_type)


class FileParameters(Sent):
    """Which version of a file is wanted."""

    refusal = InvalidQuery

    v: Annotated[
        str | None,
        Rule(str, "be text", {"type": "string", "description": "A new one for each version"}),
    ] = None


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
        self.send(self.services.files.by_name.get(name))

    head = get


class AssetHandler(KeptFileHandler):
    """The version is in the path, so that a module's relative imports carry it along."""

    def get(self, version: str, name: str) -> None:
        files = self.services.files
        # A file of another version must not be kept under this one's name.
        self.send(files.assets.get(name) if version == files.assets_version else None)

    head = get
