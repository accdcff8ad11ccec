"""Behind trusted proxies, the caller is the first hop from the right that is none of them."""

from __future__ import annotations

from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httputil import HTTPHeaders

from cardiorisk.config import Settings, load_settings
from cardiorisk.web.proxies import MOST_HOPS, TrustedProxies, is_loopback
from tests.pages.browsing import NAME, PASSWORD, Reader
from tests.support import Bitacora, Caller, told

PROXY, CALLER, LIE = "10.0.0.1", "203.0.113.7", "198.51.100.66"
TRUSTED = TrustedProxies(("10.0.0.0/8", "2001:db8:f::/48"))


def sender(*lines: str, peer: str = PROXY, proxies: TrustedProxies = TRUSTED) -> tuple[str, str]:
    headers = HTTPHeaders()
    for line in lines:
        name, _, text = line.partition(": ")
        headers.add(name, text)
    return proxies.sender(peer, headers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CALLER, CALLER),
        (f"{LIE}, {CALLER}", CALLER),
        (f"{LIE}, {CALLER}, 10.9.9.9", CALLER),  # two proxies
        (f"10.1.1.1, {CALLER}", CALLER),  # a stranger who names one of ours
        ("10.1.1.1,10.2.2.2", "10.1.1.1"),  # a caller within the trusted network
        (f"{CALLER}:51234", CALLER),
        ("2001:db8::0007", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443, [2001:db8:f::1]:80", "2001:db8::7"),
        (f"::ffff:{CALLER}", CALLER),
        # What names no address ends the reading, at the last hop that has one.
        *((f"{CALLER},{text}", PROXY) for text in ("unknown", "_x", "", "<b>", "1.2.3", "::x")),
        *((f"{CALLER},{text}", PROXY) for text in ("fe80::1%eth0", f"{LIE}:port", "9" * 5000)),
        (f"{CALLER}, junk, 10.9.9.9", "10.9.9.9"),
        ("", PROXY),
        (f"{LIE},{CALLER}" + ",10.9.9.9" * MOST_HOPS, "10.9.9.9"),
    ],
)
def test_a_list_is_read_from_the_right_as_far_as_proxies_are_trusted(
    text: str, expected: str
) -> None:
    assert sender(f"X-Forwarded-For: {text}") == (expected, "http")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"for={CALLER}", (CALLER, "http")),
        (f"for={LIE};proto=http, For={CALLER};Proto=HTTPS;by=_x;host=h", (CALLER, "https")),
        (f'for={CALLER};proto=https;, for="10.9.9.9:80";proto=http', (CALLER, "https")),
        ('for="[2001:db8::7]:4711"; proto=https', ("2001:db8::7", "https")),
        ('for="[2001:db8::7]:_hidden"', ("2001:db8::7", "http")),
        ("for=unknown;proto=https", (PROXY, "https")),
        ("for=_hidden", (PROXY, "http")),
        (f'for="{LIE}, for={CALLER}', (CALLER, "http")),  # a quotation mark that is left open
        (f'for="{CALLER}', (PROXY, "http")),
        (f"for={CALLER};for={LIE}", (PROXY, "http")),
        (f"proto=https;{CALLER}", (PROXY, "http")),
    ],
)
def test_forwarded_is_read_alike(text: str, expected: tuple[str, str]) -> None:
    assert sender(f"Forwarded: {text}") == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["X-Forwarded-Proto: https"], (PROXY, "https")),
        ([f"X-Forwarded-For: {CALLER}", "X-Forwarded-Proto: gopher"], (CALLER, "http")),
        ([f"X-Forwarded-For: {CALLER}", "X-Forwarded-Proto: http, https"], (CALLER, "https")),
        # The outer proxy spoke TLS; the inner one has added to what it said, or left it.
        (
            [f"X-Forwarded-For: {CALLER}, 10.9.9.9", "X-Forwarded-Proto: https, http"],
            (CALLER, "https"),
        ),
        ([f"X-Forwarded-For: {CALLER}, 10.9.9.9", "X-Forwarded-Proto: https"], (CALLER, "https")),
        ([f"X-Forwarded-For: {LIE}", f"X-Forwarded-For: {CALLER}"], (CALLER, "http")),
        ([f"X-Forwarded-For: {CALLER}", f"Forwarded: for={LIE};proto=https"], (CALLER, "http")),
    ],
)
def test_several_headers_are_read_together(
    lines: list[str], expected: str | tuple[str, str]
) -> None:
    assert sender(*lines) == ((CALLER, expected) if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    ("peer", "trusted", "is_believed"),
    [
        ("192.0.2.1", "10.0.0.0/8", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::/10", True),
        ("unix", "unix", True),
        ("", "unix", False),
        ("", "0.0.0.0/0", False),
        ("127.0.0.1", "unix", False),
    ],
)
def test_only_a_trusted_peer_is_believed(*, peer: str, trusted: str, is_believed: bool) -> None:
    lines = (f"X-Forwarded-For: {CALLER}", "X-Forwarded-Proto: https")
    found = sender(*lines, peer=peer, proxies=TrustedProxies((trusted,)))
    assert found == ((CALLER, "https") if is_believed else (peer, "http"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        *((address, True) for address in ("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1")),
        *((address, False) for address in ("::ffff:203.0.113.7", "10.0.0.1", "", "localhost")),
        ("0.0.0.0", False),  # noqa: S104 - what a Unix socket gives; nothing is bound to it
    ],
)
def test_only_an_address_of_this_machine_is_loopback(*, address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


# The service behind one


class TestBehindAProxy:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        flags: dict[str, Any] = settings.model_dump(exclude_defaults=True)
        return load_settings(flags | {"trusted_proxies": "127.0.0.1"})

    @pytest.fixture
    def visitor(self, http_client: AsyncHTTPClient, base_url: str) -> Visitor:
        return Visitor(http_client, base_url)

    async def test_the_bitacora_has_the_callers_address(
        self, visitor: Visitor, bitacora: Bitacora
    ) -> None:
        await visitor.send("GET", "/healthz", headers={"X-Forwarded-For": f"{LIE}, {CALLER}"})
        assert bitacora.last()["ip"] == CALLER

    async def test_who_guesses_is_slowed_and_nobody_else(self, visitor: Visitor) -> None:
        owner = Reader(visitor)
        await owner.register()
        right = {"username": NAME, "password": PASSWORD}
        wrong = right | {"password": "wrong"}

        async def status(address: str, login: dict[str, str], **headers: str) -> int:
            forwarded = {"X-Forwarded-For": address} | headers
            response: HTTPResponse = await visitor.send("POST", "/login", login, forwarded)
            return response.code

        guesses = [await status(f"{LIE}, 192.0.2.{n}", wrong) for n in range(31)]
        guesses += [await status("192.0.2.99", wrong | {"username": f"n{n}"}) for n in range(31)]
        assert guesses == [*[401] * 10, *[429] * 21, *[401] * 30, 429]
        assert await status("198.51.100.1", right) == 429  # a stranger, as far as can be told
        assert await status(CALLER, right) == 200
        device = f"dispositivo={owner.cookies['dispositivo']}"
        assert await status("198.51.100.1", right, Cookie=device) == 200
        await owner.open("/cuenta")
        changes = {"accion": "clave", "password": PASSWORD, "new_password": PASSWORD + "!"}
        assert (await owner.send("/cuenta", **changes)).code == 303

    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_cookies_are_secure_where_the_caller_came_by_https(
        self, visitor: Visitor, scheme: str
    ) -> None:
        visitor.scheme = scheme
        reader = Reader(visitor)
        await reader.register()
        answers = [
            await reader.log_in(),
            await reader.open("/?idioma=en"),
            await reader.send("/salir"),
        ]
        lines = [line for one in answers for line in one.headers.get_list("Set-Cookie")]
        assert len(lines) >= len(answers)
        assert [("Secure" in line) for line in lines] == [scheme == "https"] * len(lines)

    async def test_this_machine_is_the_proxys_and_needs_a_key(self, stranger: Caller) -> None:
        assert told(await stranger.send("GET", "/metrics")) == (401, "missing-key")


class Visitor(Caller):
    """Somebody whose requests a proxy passes on."""

    scheme = "http"

    async def send(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        forwarded = {"X-Forwarded-For": CALLER, "X-Forwarded-Proto": self.scheme}
        return await super().send(method, path, body, forwarded | (headers or {}))
