"""Whatever has no other handler: a page for who looks with a browser, else the problem document.

It must not tell whether something was ever there. The surprise: the way back to the root depends on
the path that was asked for, which is a stranger's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.pages.base import PageHandler
from cardiorisk.web.handlers import BaseHandler, NotFoundHandler

if TYPE_CHECKING:
    from cardiorisk.errors import ServiceError

_DEEPEST = 20
"""Slashes in a path that is answered with a page, whose links hold a ``../`` for each."""


class NowhereHandler(NotFoundHandler, PageHandler):
    """The way of a page to tell it, where the reader is no program."""

    async def prepare(self) -> None:
        """Find out who is reading, then refuse the request."""
        if self._is_for_a_reader:
            await self.admit()
        await super().prepare()

    @property
    def root(self) -> str:
        """The way from the path that was asked for to the service's root."""
        return "../" * (self.request.path.count("/") - 1)

    def write_problem(self, error: ServiceError) -> None:
        """Write a page or the problem document."""
        writer = PageHandler if self._is_for_a_reader else BaseHandler
        writer.write_problem(self, error)

    @property
    def _is_for_a_reader(self) -> bool:
        headers = self.request.headers
        asks = "Authorization" not in headers and "text/html" in headers.get("Accept", "")
        return asks and self.request.path.count("/") <= _DEEPEST
