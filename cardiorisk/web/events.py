"""The newest lines of the log, and server-sent events: how the service is, as it happens.

A stream ends when the reader leaves, does not read, is no operator any more, or the service stops.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Literal, NotRequired, Self, cast

from pydantic import with_config
from tornado.iostream import StreamClosedError
from typing_extensions import TypedDict

from cardiorisk import errors
from cardiorisk.bitacora.reader import FreshLines, Line
from cardiorisk.http1.connection import Connection
from cardiorisk.identity.keys import Principal, may_hold_key
from cardiorisk.monitoring import log_watch
from cardiorisk.monitoring.log_watch import LogQuery
from cardiorisk.store import rows_accounts
from cardiorisk.web.cookies import session_cookie
from cardiorisk.web.handlers import BaseHandler, OperatorHandler, to_json
from cardiorisk.web.operations import given_parameters, operation
from cardiorisk.web.shapes import Count, Rule, Sent, about, number_rule

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
_account = text_rule(
    "The name of an account: the lines of its keys; its tokens have ids of their own"
)


class LookParameters(Sent):
    """Parameters of a query string, of which an empty one is one that was not sent."""

    refusal = errors.InvalidQuery
    is_all_text = True

    @classmethod
    def accept(cls, members: Mapping[str, object]) -> Self:
        return super().accept(
            {name: sent for name, sent in members.items() if sent or name not in cls.model_fields}
        )


class LogParameters(LookParameters):
    """Which lines of the log are wanted; what is not sent holds for every line."""

    status: Annotated[str | None, _status] = None
    route: Annotated[str | None, text_rule("A route's template, as it stands in the log")] = None
    code: Annotated[str | None, text_rule("The code of an error")] = None
    key: Annotated[str | None, _key] = None
    account: Annotated[str | None, _account] = None
    limit: Annotated[int, _lines] = log_watch.DEFAULT_LINES


@with_config(extra="allow")  # of another version of the service
class LogLineAnswer(TypedDict):
    """A line as it stands in the log, without the patient's values."""

    v: Annotated[Literal[1], about("Version of the line's form")]
    ts: Annotated[str, about("When the request arrived", json_schema_extra={"format": "date-time"})]
    request_id: Annotated[str, about("The request's name")]
    key_id: Annotated[str | None, about("The key's id; null where none was accepted")]
    plan: Annotated[str | None, about("The account's plan; null where no key was accepted")]
    method: Annotated[str, about("The method", "POST")]
    route: Annotated[str, about("The route's template", "/service")]
    status: Annotated[int, about("The answer's status", 429)]
    ip: Annotated[str, about("The caller's address; unix for a Unix socket", "127.0.0.1")]
    riesgo_cardiaco: Annotated[bool | None, about("The answer; null where none was given")]
    probabilidad: Annotated[float | None, about("Its probability; null where none was given")]
    modelo: Annotated[str | None, about("The network's version; null while none is loaded")]
    code: Annotated[str | None, about("The error's code; null where there was none")]
    timings_ms: Annotated[dict[str, float], about("Milliseconds by stage", {"total": 0.11})]
    filas: NotRequired[Annotated[int, about("How many patients a batch held", 1000)]]
    node: NotRequired[Annotated[str, about("The process that answered, where it has a name", "1")]]


class LogLinesAnswer(TypedDict):
    """The lines, the newest first."""

    items: Annotated[list[LogLineAnswer], about("The lines")]
    searched_bytes: Annotated[Count, about("How much of the log was looked at", 51200)]
    exhaustive: Annotated[bool, about("Whether there is nothing more before that")]


def lines_answer(lines: Iterable[Line]) -> list[LogLineAnswer]:
    told = [json.loads(line.text) for line in lines]
    for line in told:
        line.pop("inputs", None)  # which are health data
    return told


class EventStream(BaseHandler):
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
        while not await self._is_over(services.broadcast.every_seconds) and await self._may_watch():
            lines: tuple[Line, ...] = ()
            with suppress(errors.LogUnavailable, errors.Overloaded):
                lines = await services.log_watch.fresh(fresh)
            await self._send("overview", await services.overviews.look())
            wanted = [line for line in lines if query.is_wanted(line.entry)][: query.limit]
            if unknown := [line for line in wanted if line.text not in known]:
                await self._send("lines", lines_answer(unknown))

    async def _is_over(self, seconds: float) -> bool:
        assert self._end is not None  # noqa: S101 - for mypy: somebody watches
        await asyncio.wait({self._end}, timeout=seconds)
        return self._end.done()

    async def wanted_lines(self) -> LogQuery:
        return await require_log_query(self)

    async def watching(self) -> Principal:
        """Ask again who is watching, by what the rung let them in with."""
        store = self.services.store
        if "Authorization" in self.request.headers:
            return await store.principal(self.credential())
        return await store.session_principal(session_cookie(self))

    async def _may_watch(self) -> bool:
        try:
            return (await self.watching()).is_operator
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


async def require_log_query(handler: BaseHandler) -> LogQuery:
    query = LogQuery(**dict(LogParameters.accept(given_parameters(handler))))
    if query.account is None:
        return query
    name = query.account
    key_ids = await handler.services.store.read(lambda rows: rows_accounts.find_key_ids(rows, name))
    if key_ids is None:
        raise errors.InvalidQuery((errors.FieldFault("account", "must be the name of an account"),))
    return replace(query, key_ids=key_ids)


class EventsHandler(EventStream, OperatorHandler):
    """The same as it happens."""


class LogHandler(OperatorHandler):
    @operation("operatorSearchLog", LogLinesAnswer, query=(LogParameters,))
    async def get(self) -> None:
        """The newest lines of the request log.

        Searches the newest 4 MiB of the log at most, in rotated files too; `exhaustive` is false
        where there may be more before that.
        """
        query = await require_log_query(self)
        found = await self.services.log_watch.search(query.is_wanted, query.limit)
        searched, is_whole = found.searched_bytes, found.is_exhaustive
        items = lines_answer(found.lines)
        self.answer({"items": items, "searched_bytes": searched, "exhaustive": is_whole})
