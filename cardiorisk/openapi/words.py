"""What an operation is, in the words that the description is written with. No I/O, no HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
"""A JSON object; this room writes JSON, so it is at the edge where dicts are allowed."""

Method = Literal["GET", "HEAD", "POST", "DELETE", "QUERY"]
Tag = Literal["service", "predictions", "account", "keys", "original", "operation", "operators"]

Access = Literal["open", "identified", "operator", "metered", "refresh", "loopback"]
"""Who may come in: anybody; who is known; who is an operator; who is known and within the plan's
limit; who has a refresh token; who is on the same machine, or an operator."""

JSON_TYPE = "application/json"


class ProblemRow(Protocol):
    """What the description needs of a row of the table of problems, which stands above it."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def title(self) -> str:
        """The code in words."""

    @property
    def retry_after_seconds(self) -> int | None:
        """When another try makes sense, where that is a fixed time."""

    @property
    def challenge(self) -> str | None:
        """The ``WWW-Authenticate`` header, where one is due."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The tables that stand above this room and are handed down to it.

    Attributes:
        problems: what each code means over HTTP.
        original_names: the original client's name of each member, by ours.
        body_limit_bytes: the longest body that is read.
        file_names: what ``/docs/{file}`` serves.
    """

    problems: Mapping[str, ProblemRow]
    original_names: Mapping[str, str]
    body_limit_bytes: int
    file_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries.

    Attributes:
        schema: its name among the schemas.
        examples: bodies by name; the first is what a reader tries first.
        is_required: whether the request may come without it.
    """

    schema: str
    examples: Mapping[str, Any]
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an operation that went well.

    Attributes:
        schema: its name among the schemas; empty for an answer without JSON.
        example: one such answer.
        headers: names of the headers it has beside those of every answer.
        optional_headers: names of those it may have.
        content_types: of the body; none where there is no body.
    """

    status: int
    description: str
    schema: str = ""
    example: Any = None
    headers: tuple[str, ...] = ()
    optional_headers: tuple[str, ...] = ()
    content_types: tuple[str, ...] = (JSON_TYPE,)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route.

    Attributes:
        name: its ``operationId``.
        other_answer: what some callers are answered instead, where all goes well too.
        errors: codes it may answer beside those that its access and its path bring along.
        parameters: names of its parameters among those of the query string.
    """

    method: Method
    template: str
    name: str
    tag: Tag
    summary: str
    answer: Answer
    description: str = ""
    access: Access = "metered"
    other_answer: Answer | None = None
    body: Body | None = None
    errors: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
