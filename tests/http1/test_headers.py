"""Headers that begin empty are Tornado's."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders

from cardiorisk.http1.headers import EmptyHeaders


def test_they_begin_as_tornados_do() -> None:
    assert vars(EmptyHeaders()) == vars(HTTPHeaders())


def test_they_hold_what_is_put_into_them() -> None:
    headers = EmptyHeaders()
    headers["set-cookie"] = "a"
    headers.add("Set-Cookie", "b")
    assert headers.get_list("SET-COOKIE") == ["a", "b"]
