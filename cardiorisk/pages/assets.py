"""``/static/{version}/{file}``: what the pages are made of, to be kept for a year.

The version stands in the path, so that a module's relative imports carry it along.
"""

from __future__ import annotations

from cardiorisk.errors import NotFound
from cardiorisk.web.handlers import BaseHandler

ASSETS_ROUTE = "/static/{version}/{file}"
_ONE_YEAR = "public, max-age=31536000, immutable"


class AssetHandler(BaseHandler):
    """``/static/{version}/{file}``: one of the files."""

    def get(self, version: str, name: str) -> None:
        """Send the file, to be kept for a year.

        Raises:
            NotFound: it is not one of them, or of another version, which must not be kept.
        """
        files = self.services.files
        served = files.assets.get(name)
        if served is None or version != files.assets_version:
            raise NotFound("there is no such file")
        self.set_header("Content-Type", served.content_type)
        self.set_header("Cache-Control", _ONE_YEAR)
        self.finish(served.body)

    head = get
