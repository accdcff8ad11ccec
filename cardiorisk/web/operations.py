"""What a route is, and what the API's description says of each of its methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import getdoc
from typing import Any, TypeVar

from tornado.web import RequestHandler

from cardiorisk.errors import InvalidQuery, ServiceError
from cardiorisk.patients.words import NO_PARAMETER, REPEATED
from cardiorisk.web.shapes import Sent, fault_of, unknown_faults
from cardiorisk.web.tornado_inside import LeanHandler

Method = TypeVar("Method", bound=Callable[..., Any])

_MARK = "api_operation"
SPOKEN = ("Content-Language",)  # the header of an answer in the reader's language


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a route; its name and its documentation may hold the route's ``{plan}``."""

    name: str  # the ``operationId``, which never changes
    documentation: str  # a line for menus, then whatever else is to be said
    gives: Any = None
    body: type[Sent] | None = None
    status: int = 200
    query: tuple[type[Sent], ...] = ()
    answer: str = "It is done"  # where its shape does not say enough
    content_types: tuple[str, ...] = ()  # of an answer that is no JSON
    headers: tuple[str, ...] = ()
    optional_headers: tuple[str, ...] = ()
    problems: tuple[type[ServiceError], ...] = ()  # of its own


def operation(name: str, *stated: Any, **more: Any) -> Callable[[Method], Method]:
    def marked(method: Method) -> Method:
        setattr(method, _MARK, Operation(name, getdoc(method) or "", *stated, **more))
        return method

    return marked


def find_operation(method: Callable[..., Any]) -> Operation | None:
    return getattr(method, _MARK, None)


def require_known(method: Callable[..., Any], sent: Mapping[str, Sequence[bytes]]) -> None:
    """Refuse a query string with names that an operation does not have, or has more than once.

    A page's are its own affair: links come with what others added.
    """
    operation = find_operation(method)
    if operation is None:
        return
    known = {name for shape in operation.query for name in shape.rules()}
    repeated = {name for name in sent if name in known and len(sent[name]) > 1}
    faults = tuple(fault_of(name, REPEATED) for name in sent if name in repeated)
    faults += unknown_faults(sent, known, InvalidQuery.noun, NO_PARAMETER)
    if not faults:
        return
    for shape in operation.query:
        if shape.refusal is InvalidQuery:
            once = (shape.rules().keys() & sent.keys()) - repeated
            values = {name: sent[name][0].decode("utf-8", "replace") for name in once}
            faults = shape.faults(values) + faults
    raise InvalidQuery(faults)


def given_parameters(handler: RequestHandler) -> dict[str, object]:
    return {name: handler.get_query_argument(name) for name in handler.request.query_arguments}


@dataclass(frozen=True, slots=True)
class Route:
    template: str  # a path, with ``{id}`` where it varies
    handler: type[LeanHandler]
    tag: str = ""  # its chapter of the API's description; a page, which is for people, has none
    plan: str = ""

    @property
    def operations(self) -> dict[str, Operation]:
        return {method: self._operation(method) for method in self.handler.allowed_methods}

    def _operation(self, method: str) -> Operation:
        marked = find_operation(getattr(self.handler, method.lower()))
        if marked is None:
            raise TypeError(f"{self.handler.__name__}.{method.lower()} needs @operation")
        named = replace(
            marked,
            name=marked.name.format(
                Plan=self.plan.capitalize(),
                OfVersion="OfVersion" if "{version}" in self.template else "",
            ),
            documentation=marked.documentation.replace("{plan}", self.plan),
        )
        if method != "HEAD":
            return named
        summary, blank, more = named.documentation.partition("\n\n")
        documentation = f"{summary.removesuffix('.')}: the headers alone.{blank}{more}"
        return replace(named, name=f"{named.name}Head", documentation=documentation)
