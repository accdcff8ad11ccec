"""Server-sent events: how the service is, told to an operator as it happens.

A stream ends when the reader leaves, does not read, is no operator any more, or the service stops.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from tornado.iostream import StreamClosedError

from cardiorisk.bitacora.reader import FreshLines, Line
from cardiorisk.errors import (
    FieldFault,
    InvalidQuery,
    LogUnavailable,
    NotReady,
    Overloaded,
    ServiceError,
)
from cardiorisk.http1.connection import Connection
from cardiorisk.identity.keys import Principal
from cardiorisk.monitoring.log_watch import LogQuery
from cardiorisk.store import rows_accounts
from cardiorisk.web.cookies import session_cookie
from cardiorisk.web.handlers import BaseHandler, to_json
from cardiorisk.web.operations import given_parameters, operation
from cardiorisk.web.shapes_operators import LogParameters, lines_answer

CONTENT_TYPE = "text/event-stream"
RETRY_MS = 5000
"""When a reader whose connection was lost may try again."""


class EventStream(BaseHandler):
    """An overview every two seconds, and the lines that are asked for; another rung lets in."""

    _end: asyncio.Future[None] | None = None

    @operation(
        "operatorEvents",
        query=(LogParameters,),
        answer="The events; they have no end",
        content_types=(CONTENT_TYPE,),
        problems=(NotReady,),
    )
    async def get(self) -> None:
        """The same every two seconds, and the newest lines, as server-sent events.

        `overview` events are answers of `/operator/overview`; `lines` events are arrays of lines
        as in `/operator/log`, which the parameters choose, the newest first. At most 16 may watch;
        who does not read is cut off.
        """
        query = await self.wanted_lines()
        services = self.services
        with services.broadcast.watching() as self._end, suppress(StreamClosedError):
            # Where the log ends is noted before it is searched, so that no line falls between the
            # two; one that both tell is sent once.
            log = services.log_watch
            fresh = await log.follow()
            overview = await services.overviews.look()
            found = await log.search(query.is_wanted, query.limit)
            await self.begin_stream(CONTENT_TYPE)
            self.write(f"retry: {RETRY_MS}\n\n")
            await self._send("overview", overview)
            await self._send("lines", lines_answer(found.lines))
            known = {line.text for line in found.lines}
            await self._follow(query, fresh, known)

    def on_connection_close(self) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(None)

    async def _follow(self, query: LogQuery, fresh: FreshLines, known: set[bytes]) -> None:
        """Send what is new; lines that were found at the start are not sent again."""
        services = self.services
        while not await self._is_over(services.broadcast.every_seconds) and await self._may_watch():
            lines: tuple[Line, ...] = ()
            with suppress(LogUnavailable, Overloaded):
                lines = await services.log_watch.fresh(fresh)
            await self._send("overview", await services.overviews.look())
            wanted = [line for line in lines if query.is_wanted(line.entry)][: query.limit]
            if unknown := [line for line in wanted if line.text not in known]:
                await self._send("lines", lines_answer(unknown))

    async def _is_over(self, seconds: float) -> bool:
        """Wait so long, or until the stream is to end."""
        assert self._end is not None  # noqa: S101 - for mypy: somebody watches
        await asyncio.wait({self._end}, timeout=seconds)
        return self._end.done()

    async def wanted_lines(self) -> LogQuery:
        """Return which lines are told."""
        return await require_log_query(self)

    async def watching(self) -> Principal:
        """Ask again who is watching, by what the rung let them in with."""
        store = self.services.store
        if "Authorization" in self.request.headers:
            return await store.principal(self.credential())
        return await store.session_principal(session_cookie(self))

    async def _may_watch(self) -> bool:
        """Tell whether who watches still may: a key ends, and a right is taken away, meanwhile."""
        try:
            return (await self.watching()).is_operator
        except ServiceError:
            return False

    async def _send(self, event: str, document: Any) -> None:
        """Send an event, and cut off who does not read it, or who is still reading at the end."""
        assert self._end is not None  # noqa: S101 - as above
        self.write(b"event: %s\ndata: %s\n" % (event.encode(), to_json(document)))
        taken, patience = self.flush(), self.services.broadcast.read_seconds
        if not taken.done():
            ended = {taken, self._end}
            await asyncio.wait(ended, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not taken.done():
            cast("Connection", self.request.connection).close()
        await taken


async def require_log_query(handler: BaseHandler) -> LogQuery:
    """Return which lines of the log are asked for, those of an account by its keys."""
    query = LogParameters.accept(given_parameters(handler)).query
    if query.account is None:
        return query
    name = query.account
    key_ids = await handler.services.store.read(lambda rows: rows_accounts.find_key_ids(rows, name))
    if key_ids is None:
        raise InvalidQuery((FieldFault("account", "must be the name of an account"),))
    return replace(query, key_ids=key_ids)
