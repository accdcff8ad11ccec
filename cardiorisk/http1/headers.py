"""Headers that begin empty."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders


class EmptyHeaders(HTTPHeaders):
    """Tornado's headers, made without taking anything over, which asks what nothing is made of.

    A request makes two of them. The tests hold what is set here against what Tornado sets.
    """

    def __init__(self) -> None:
        self._as_list = {}
        self._combined_cache = {}
