"""The newest lines of the log, and server-sent events: how the service is, as it happens.

A stream ends when the reader leaves, does not read, is no operator any more, or the service stops.
"""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, cast

from tornado.iostream import StreamClosedError
from typing_extensions import TypedDict

from cardiorisk import errors
from cardiorisk.bitacora.reader import FreshLines, Line
from cardiorisk.http1.connection import Connection
from cardiorisk.identity.keys import Principal, may_hold_key
from cardiorisk.monitoring import log_watch
from cardiorisk.monitoring.log_watch import LogQuery
from cardiorisk.store import rows_accounts
from cardiorisk.web.credentials import session_cookie
from cardiorisk.web.handlers import BaseHandler, OperatorHandler, to_json
from cardiorisk.web.operations import given_parameters, operation
from cardiorisk.web.shapes import Count, Json, Rule, Sent, about, number_rule

CONTENT_TYPE = "text/event-stream"
RETRY_MS = 5000  # when a reader whose connection was lost may try again
LONGEST_TEXT = 254  # characters: as many as an e-mail address may have


def _read_text(sent: str) -> str | None:
    text = sent.strip()
    return text if len(text) <= LONGEST_TEXT and not may_hold_key(text) else None


def text_rule(description: str) -> Rule:
    return Rule(
        _read_text,
        f"have at most {LONGEST_TEXT} characters and be no whole key (its first ten do)",
        {"type": "string", "maxLength": LONGEST_TEXT, "description": description},
    )


_status = Rule(
    log_watch.find_status,
    "be a status, as 429, or a class, as 4xx",
    {"type": "string", "description": "A status, or all of a class"}
    | {"pattern": log_watch.STATUS_PATTERN},
)
_lines = number_rule(1, log_watch.MOST_LINES, "How many lines at most", is_text=True)
_key = text_rule("The id of a key; an access token's begins with `jwt_`")
_account = text_rule("The name of an account, for the lines of its keys")


class LogParameters(Sent):
    """Which lines of the log are wanted; what is not sent holds for every line."""

    refusal = errors.InvalidQuery
    is_all_text = True
    may_be_empty = True

    status: Annotated[str | None, _status] = None
    route: Annotated[str | None, text_rule("A route's template, as it stands in the log")] = None
    code: Annotated[str | None, text_rule("The code of an error")] = None
    key: Annotated[str | None, _key] = None
    account: Annotated[str | None, _account] = None
    limit: Annotated[int, _lines] = log_watch.DEFAULT_LINES


class LogLinesAnswer(TypedDict):
    """The lines, the newest first."""

    items: Annotated[list[Json], about("As they stand in the log, but for the patients' values")]
    searched_bytes: Annotated[Count, about("How much of the log was looked at", 51200)]
    exhaustive: Annotated[bool, about("Whether there is nothing more before that")]


def lines_answer(lines: Iterable[Line]) -> list[Json]:
    told = [json.loads(line.text) for line in lines]
    for line in told:
        line.pop("inputs", None)  # which are health data
    return told


class LogAskingHandler(BaseHandler):
    async def wanted_lines(self) -> LogQuery:
        query = LogQuery(**dict(LogParameters.accept(given_parameters(self))))
        if (name := query.account) is None:
            return query
        ids = await self.services.store.read(lambda rows: rows_accounts.find_key_ids(rows, name))
        if ids is None:
            fault = errors.FieldFault("account", "must be the name of an account")
            raise errors.InvalidQuery((fault,))
        return replace(query, key_ids=ids)


class EventStream(LogAskingHandler):
    """An overview every two seconds, and the lines that are asked for; another rung lets in."""

    _end: asyncio.Future[None] | None = None

    @operation(
        "operatorEvents",
        query=(LogParameters,),
        answer="The events; they have no end",
        content_types=(CONTENT_TYPE,),
        problems=(errors.NotReady,),
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
        services = self.services
        while await self._goes_on():
            lines: tuple[Line, ...] = ()
            with suppress(errors.LogUnavailable, errors.Overloaded):
                lines = await services.log_watch.fresh(fresh)
            await self._send("overview", await services.overviews.look())
            wanted = [line for line in lines if query.is_wanted(line.entry)][: query.limit]
            if unknown := [line for line in wanted if line.text not in known]:
                await self._send("lines", lines_answer(unknown))

    async def watching(self) -> Principal:
        store = self.services.store
        if "Authorization" in self.request.headers:
            return await store.principal(self.credential())
        return await store.session_principal(session_cookie(self))

    async def _goes_on(self) -> bool:
        """Wait a while; a key ends, and a right is taken away, meanwhile."""
        assert self._end is not None  # noqa: S101 - for mypy: somebody watches
        await asyncio.wait({self._end}, timeout=self.services.broadcast.every_seconds)
        try:
            return not self._end.done() and (await self.watching()).is_operator
        except errors.ServiceError:
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


class EventsHandler(EventStream, OperatorHandler):
    """The same as it happens."""


class LogHandler(LogAskingHandler, OperatorHandler):
    @operation("operatorSearchLog", LogLinesAnswer, query=(LogParameters,))
    async def get(self) -> None:
        """The newest lines of the request log.

        Searches the newest 4 MiB of the log at most, in rotated files too; `exhaustive` is false
        where there may be more before that.
        """
        query = await self.wanted_lines()
        found = await self.services.log_watch.search(query.is_wanted, query.limit)
        searched = {"searched_bytes": found.searched_bytes, "exhaustive": found.is_exhaustive}
        self.answer({"items": lines_answer(found.lines), **searched})
