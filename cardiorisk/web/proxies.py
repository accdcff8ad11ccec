"""Who sent a request, and by which scheme, where proxies stand before the service.

Each adds the address that it was called from at the right end, so the list is read from there, as
far as who wrote an entry is trusted. Beside ``X-Forwarded-…``, ``Forwarded`` is not looked at:
nearly every proxy writes the former, and lets a caller's own one through.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import zip_longest

from tornado.httputil import HTTPHeaders, split_host_and_port

from cardiorisk.config import UNIX_PEER

MOST_HOPS = 16  # entries that are read; what stands before them is not
# What proxies add to a request that they pass on.
FORWARDING_HEADERS = (
    *("Forwarded", "Via", "X-Client-IP", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host"),
    *("X-Forwarded-Port", "X-Forwarded-Proto"),
)

_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_ADDRESS = re.compile(rf"\[([0-9A-Fa-f:.]+)\]{_PORT}|([0-9.]+){_PORT}|([0-9A-Fa-f:.]+)")
_PAIR = re.compile(r'\s*([A-Za-z-]+)=(?:"([^"\\]*)"|([^\s"]+))\s*')
_SCHEMES = frozenset({"http", "https"})


class TrustedProxies:
    def __init__(self, trusted: Iterable[str]) -> None:
        self._is_unix_trusted = UNIX_PEER in trusted
        self._networks = [ip_network(each) for each in trusted if each != UNIX_PEER]

    def sender(self, peer: str, headers: HTTPHeaders) -> tuple[str, str]:
        """Return the first hop from the right that is no trusted proxy, as far as it is known."""
        address, scheme = peer, "http"
        for text, given_scheme in _hops(headers):
            if not self._trusts(address):
                break
            if given_scheme.lower() in _SCHEMES:
                scheme = given_scheme.lower()
            found = address_of(text)
            if not found:
                break
            address = found
        return address, scheme

    def _trusts(self, address: str) -> bool:
        if not address or address == UNIX_PEER:
            return self._is_unix_trusted and bool(address)
        parsed = _parsed(address)
        return any(parsed in network for network in self._networks)


def _hops(headers: HTTPHeaders) -> Iterator[tuple[str, str]]:
    senders, schemes = headers.get("X-Forwarded-For"), headers.get("X-Forwarded-Proto")
    if senders is None and schemes is None:
        return map(_forwarded, _from_the_right(headers.get("Forwarded", "")))
    # Beside fewer schemes than addresses, one proxy has overwritten what the others had said.
    return zip_longest(_from_the_right(senders or ""), _from_the_right(schemes or ""), fillvalue="")


def _from_the_right(text: str) -> Iterator[str]:
    # A comma within quotes parts a text too: no address holds one, and a quotation mark that a
    # stranger has left open must not reach what was added behind it.
    return (entry.strip() for entry in reversed(text.rsplit(",", MOST_HOPS)))


def _forwarded(entry: str) -> tuple[str, str]:
    """Read one entry of ``Forwarded``, RFC 7239; one that is malformed says nothing."""
    pairs = [_PAIR.fullmatch(pair) for pair in entry.split(";") if pair]
    said = {pair[1].lower(): pair[2] or pair[3] or "" for pair in pairs if pair}
    if len(said) < len(pairs):
        return "", ""
    return said.get("for", ""), said.get("proto", "")


def address_of(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    try:
        return str(_parsed(found[found.lastindex or 0])) if found else ""
    except ValueError:
        return ""


def _parsed(address: str) -> IPv4Address | IPv6Address:
    """Read an address; IPv4 that is written as IPv6 is what it is."""
    parsed = ip_address(address)
    return (isinstance(parsed, IPv6Address) and parsed.ipv4_mapped) or parsed


def is_loopback(address: str) -> bool:
    found = address_of(address)
    return bool(found) and ip_address(found).is_loopback


def names_loopback(host: str) -> bool:
    """Tell whether a ``Host`` names this machine, as a page from elsewhere cannot."""
    name = split_host_and_port(host.lower())[0].strip("[]")
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)
