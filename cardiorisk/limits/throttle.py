"""How often somebody may try a password, register or change something.

A try under way takes up what its window has left until its outcome is known, so a thousand at the
same moment get no further than a thousand in a row. One that is still under way is no failure.

Whoever is where a name has logged in before, as the cookie of that login or the address shows, has
a window of their own: strangers who guess at the name, or from the address, cannot use it up.

A window starts at the first try; twice its number can pass where two windows meet. Whoever sends
tries from more than ``MOST_COUNTED`` addresses makes the oldest be forgotten.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from cardiorisk.errors import InvalidLogin, Overloaded, Taken, TooManyAttempts
from cardiorisk.identity.texts import folded

NAME_FAILURES, ADDRESS_FAILURES, FAILURE_SECONDS = 10, 30, 300.0
"""Wrong passwords of strangers for one name and from one address, and the window they count in."""
KNOWN_FAILURES = 10
"""Wrong passwords for a name where it has logged in before, in a window of the same length."""
LOGINS, LOGIN_SECONDS = 300, 300.0
"""Right passwords for one name, each of which costs a hash, and the window they count in."""
REGISTRATIONS, REGISTRATION_SECONDS = 60, 3600.0
"""Accounts that may be made from one address, and the window they count in."""
CHANGES, CHANGE_SECONDS = 60, 60.0
"""Changes of its keys and sessions that an account may ask for, and the window they count in."""

MOST_COUNTED = 16_384
"""Names or addresses that are counted at the same time; about 250 bytes each."""
ADDRESSES_A_NAME = 8
"""Addresses where a name has logged in that are remembered, the newest first."""

_SITE_BITS = 64


@dataclass(slots=True)
class _Window:
    ends_at_seconds: float
    tries: int = 0


class Attempts:
    """Counts of tries by whoever makes them, each in a window that its first try begins.

    A clock that is set back starts the windows anew.
    """

    def __init__(
        self,
        most: int,
        window_seconds: float,
        clock: Callable[[], float],
        most_counted: int = MOST_COUNTED,
    ) -> None:
        self._most = most
        self._window_seconds = window_seconds
        self._clock = clock
        self._most_counted = most_counted
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._under_way: Counter[str] = Counter()

    def test(self, who: str) -> None:
        """Check that a try is left, or raise ``TooManyAttempts``; count nothing."""
        if not self.is_left(who):
            left_seconds = self.resets_in(who)
            raise TooManyAttempts(
                f"there were too many attempts; try again in {left_seconds} s", left_seconds
            )

    def is_left(self, who: str) -> bool:
        """Return whether a try is left."""
        return self._tries(who) < self._most

    def hit(self, who: str) -> None:
        if not self._tries(who):
            self._windows[who] = _Window(self._clock() + self._window_seconds)
            if len(self._windows) > self._most_counted:
                self._windows.popitem(last=False)
        self._windows[who].tries += 1

    def clear(self, who: str) -> None:
        self._windows.pop(who, None)

    def resets_in(self, who: str) -> int:
        """Return the whole seconds, at least one, until somebody's window ends."""
        return max(1, math.ceil(self._windows[who].ends_at_seconds - self._clock()))

    @contextmanager
    def under_way(self, who: str) -> Iterator[None]:
        """Hold a place in the window for the length of the block, which may count a try.

        Raises:
            TooManyAttempts: no try is left.
            Overloaded: those under way may take what is left; a second later, they have or not.
        """
        self.test(who)
        if self._under_way[who] + self._tries(who) >= self._most:
            raise Overloaded("too many attempts are under way; try again in a second")
        self._under_way[who] += 1
        try:
            yield
        finally:
            left = self._under_way.pop(who) - 1
            if left:
                self._under_way[who] = left

    def _tries(self, who: str) -> int:
        """Return the tries in somebody's open window; drop one that is over."""
        window = self._windows.get(who)
        if window is None:
            return 0
        if 0 < window.ends_at_seconds - self._clock() <= self._window_seconds:
            return window.tries
        del self._windows[who]
        return 0


class Throttle:
    """Who may try a password, register or change something now.

    What fails is counted and, in windows of their own, what succeeds; a try under way is neither
    and only holds its place, so that many right logins at once never look like guessing. Each
    method raises ``TooManyAttempts`` and ``Overloaded`` as ``Attempts`` does.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._names = Attempts(NAME_FAILURES, FAILURE_SECONDS, clock)
        self._addresses = Attempts(ADDRESS_FAILURES, FAILURE_SECONDS, clock)
        self._known = Attempts(KNOWN_FAILURES, FAILURE_SECONDS, clock)
        self._logins = Attempts(LOGINS, LOGIN_SECONDS, clock)
        self._taken = Attempts(ADDRESS_FAILURES, FAILURE_SECONDS, clock)
        self._registrations = Attempts(REGISTRATIONS, REGISTRATION_SECONDS, clock)
        self._changes = Attempts(CHANGES, CHANGE_SECONDS, clock)
        self._sites: dict[str, tuple[str, ...]] = {}
        """By name, where it has logged in since the start; the name that did so last is last."""

    @contextmanager
    def login(self, name: str, address: str, device: str = "") -> Iterator[bool]:
        """Count the block as a failure if the login was wrong, and remember where it was right.

        A failure counts against the place where the name is known, else against both name and
        address. Success starts the place's or the name's count anew and leaves the address's as it
        is, so that a guesser's own account does not clean the slate.

        Args:
            name: as it was given.
            address: the caller's.
            device: the id of one where this name has logged in, empty for none.

        Yields:
            Whether the name is known there.
        """
        who, site = _anonymous(name), site_of(address)
        self._logins.test(who)
        place = self._known_place(who, site, device)
        counts = [(self._known, place)] if place else [(self._names, who), (self._addresses, site)]
        with ExitStack() as places:
            for attempts, key in counts:
                places.enter_context(attempts.under_way(key))
            try:
                yield bool(place)
            except InvalidLogin:
                for attempts, key in counts:
                    attempts.hit(key)
                raise
        attempts, key = counts[0]
        attempts.clear(key)
        self._logins.hit(who)
        self._remember(who, site)

    @contextmanager
    def registration(self, name: str, address: str) -> Iterator[None]:
        """Count the block as a registration, or as a failure if a name was taken."""
        site = site_of(address)
        with self._taken.under_way(site), self._registrations.under_way(site):
            try:
                yield
            except Taken:
                self._taken.hit(site)
                raise
            self._registrations.hit(site)
        self._remember(_anonymous(name), site)

    def _known_place(self, who: str, site: str, device: str) -> str:
        """Return what a try is counted by where the name is known; empty for a stranger's."""
        places = [device] if device else []
        if site in self._sites.get(who, ()):
            places.append(f"{who} {site}")
        return next((place for place in places if self._known.is_left(place)), "")

    def _remember(self, who: str, site: str) -> None:
        others = (each for each in self._sites.pop(who, ()) if each != site)
        self._sites[who] = (site, *others)[:ADDRESSES_A_NAME]
        if len(self._sites) > MOST_COUNTED:
            del self._sites[next(iter(self._sites))]

    def count_change(self, account_id: int) -> None:
        """Count a change that an account is about to make, whatever becomes of it."""
        self._changes.test(str(account_id))
        self._changes.hit(str(account_id))


def _anonymous(name: str) -> str:
    """Return what a name is counted by, as short for a long one, and however it is written."""
    return sha256(folded(name).encode("utf-8", "surrogatepass")).hexdigest()


def site_of(address: str) -> str:
    """Return whom an IP address is counted as: itself or, of IPv6, its network of 64 bits.

    One subscriber is given at least such a network, so counting its single addresses would count
    nothing. Source: RFC 6177, section 2.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> _SITE_BITS << _SITE_BITS)}/{_SITE_BITS}"
