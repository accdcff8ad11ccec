"""``/metrics``: what a Prometheus server asks, on this machine or with an operator's key.

Behind a proxy on the same machine every caller has the proxy's address. A request that says it was
forwarded therefore needs the key; a proxy that does not say so must not pass this path on.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from cardiorisk.monitoring.metrics import CONTENT_TYPE
from cardiorisk.web.handlers import OperatorHandler
from cardiorisk.web.operations import operation

FORWARDING_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
"""What proxies add to a request that they pass on."""


class MetricsHandler(OperatorHandler):
    """A caller on this machine needs no key, but one that is sent is judged."""

    async def admit(self) -> None:
        headers = self.request.headers
        is_forwarded = any(name in headers for name in FORWARDING_HEADERS)
        is_here = is_loopback(self.request.remote_ip or "") and not is_forwarded
        if "Authorization" in headers or not is_here:
            await super().admit()

    @operation(
        "metrics", answer="The counts, in Prometheus's text format", content_types=("text/plain",)
    )
    def get(self) -> None:
        """Counts for a Prometheus server (callers on this machine, operators).

        A caller on the same machine needs no key; a key that is sent is judged all the same. It
        draws on no limit.
        """
        self.finish(self.services.metrics.text(), CONTENT_TYPE)

    head = get


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own, IPv4 written as IPv6 included."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback
