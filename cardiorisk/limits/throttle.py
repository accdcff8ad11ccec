"""How often somebody may try a password, register or change something.

A try under way takes up what its window has left until its outcome is known, so a thousand at the
same moment get no further than a thousand in a row. One that is still under way is no failure.

Whoever is where a name has logged in before, as the cookie of that login or the address shows, has
a window of their own: strangers who guess at the name, or from the address, cannot use it up.

A window starts at the first try.
"""

import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, Protocol

from cardiorisk.errors import InvalidLogin, Overloaded, ServiceError, Taken, TooManyAttempts
from cardiorisk.identity.texts import folded


class Kind(NamedTuple):
    """What is counted: so many tries at most in a window of so many seconds."""

    name: str
    most: int
    seconds: int


# Wrong passwords: of strangers for one name and from one address, and where the name is known
NAMES, ADDRESSES = Kind("names", 10, 300), Kind("addresses", 30, 300)
KNOWN = Kind("known", 10, 300)
# Right passwords for one name, each of which costs a hash
LOGINS = Kind("logins", 300, 300)
# From one address: registrations that found a name taken, and those that made an account
TAKEN, REGISTRATIONS = Kind("taken", 30, 300), Kind("registrations", 60, 3600)
# Changes of its keys and sessions that an account asks for
CHANGES = Kind("changes", 60, 60)
# Addresses where a name has logged in; counted once, to be remembered that long
SITES = Kind("sites", 1, 7 * 24 * 3600)

MOST_COUNTED = 16_384
"""Windows of a kind in memory, of about 250 bytes each; the oldest is forgotten first."""

_SITE_BITS = 64


class Place(NamedTuple):
    """The window of one kind that somebody's tries are counted in."""

    kind: Kind
    who: str


class Tries(Protocol):
    """Tries of tries, for one process or for all."""

    async def tries(self, *places: Place) -> list[int]: ...

    async def hold(self, *places: Place) -> None:
        """Hold a place in each window, or in none.

        Raises:
            TooManyAttempts: no try is left.
            Overloaded: those under way may take what is left.
        """

    def end(self, *places: Place, tries: int = 0) -> None:
        """Let go of a place in each window, and count so many tries."""

    def clear(self, place: Place) -> None:
        """Begin the window anew; who is under way stays so."""


def require_left(place: Place, tries: int, held: int, resets_in_seconds: int) -> None:
    """Raise what ``Tries.hold`` promises."""
    resets_in_seconds = max(1, resets_in_seconds)
    if tries >= place.kind.most:
        raise TooManyAttempts(
            f"there were too many attempts; try again in {resets_in_seconds} s", resets_in_seconds
        )
    if tries + held >= place.kind.most:
        raise Overloaded("too many attempts are under way; try again in a second")


@dataclass(slots=True)
class _Window:
    ends_at_seconds: float
    tries: int = 0


class TriesInMemory:
    """Tries of one process. A clock that is set back starts the windows anew."""

    def __init__(self, clock: Callable[[], float], most_counted: int = MOST_COUNTED) -> None:
        self._clock = clock
        self._most_counted = most_counted
        self._windows: defaultdict[Kind, OrderedDict[str, _Window]] = defaultdict(OrderedDict)
        self._held: Counter[Place] = Counter()

    async def tries(self, *places: Place) -> list[int]:
        return [self._window(place).tries for place in places]

    async def hold(self, *places: Place) -> None:
        for place in places:
            window = self._window(place)
            left_seconds = math.ceil(window.ends_at_seconds - self._clock())
            require_left(place, window.tries, self._held[place], left_seconds)
        self._held.update(places)

    def end(self, *places: Place, tries: int = 0) -> None:
        for place in places:
            held = self._held.pop(place, 0) - 1
            if held > 0:
                self._held[place] = held
            if tries:
                self._window(place, is_kept=True).tries += tries

    def clear(self, place: Place) -> None:
        self._windows[place.kind].pop(place.who, None)

    def _window(self, place: Place, *, is_kept: bool = False) -> _Window:
        """Return the open window, else a new one, which is kept if it will be counted in."""
        windows, now, length = self._windows[place.kind], self._clock(), place.kind.seconds
        window = windows.get(place.who)
        if window is not None and 0 < window.ends_at_seconds - now <= length:
            return window
        windows.pop(place.who, None)
        window = _Window(now + length)
        if is_kept:
            windows[place.who] = window
            if len(windows) > self._most_counted:
                windows.popitem(last=False)
        return window


class Throttle:
    """Who may try a password, register or change something now; raises as ``Tries.hold``."""

    def __init__(self, counts: Tries) -> None:
        self._counts = counts

    @asynccontextmanager
    async def login(self, name: str, address: str, device: str = "") -> AsyncIterator[bool]:
        """Count the block as a failure if the login was wrong, and remember where it was right.

        Success starts the place's or the name's count anew and leaves the address's as it is, so
        that a guesser's own account does not clean the slate. ``device`` is the id of one where
        this name has logged in. Yields whether the name is known there.
        """
        who, site = _anonymous(name), site_of(address)
        here = Place(SITES, f"{who} {site}")
        by_device, by_site = Place(KNOWN, device), Place(KNOWN, here.who)
        of_device, of_site, is_here = await self._counts.tries(by_device, by_site, here)
        if device and of_device < KNOWN.most:
            places = [by_device]
        elif is_here and of_site < KNOWN.most:
            places = [by_site]
        else:
            places = [Place(NAMES, who), Place(ADDRESSES, site)]
        async with self._under_way(InvalidLogin, places, Place(LOGINS, who)):
            yield places[0].kind is KNOWN
        self._counts.clear(places[0])
        self._remember(here)

    @asynccontextmanager
    async def registration(self, name: str, address: str) -> AsyncIterator[None]:
        """Count the block as a registration, or as a failure if a name was taken."""
        site = site_of(address)
        async with self._under_way(Taken, [Place(TAKEN, site)], Place(REGISTRATIONS, site)):
            yield
        self._remember(Place(SITES, f"{_anonymous(name)} {site}"))

    async def count_change(self, account_id: int) -> None:
        """Count a change that an account is about to make, whatever becomes of it."""
        place = Place(CHANGES, str(account_id))
        await self._counts.hold(place)
        self._counts.end(place, tries=1)

    @asynccontextmanager
    async def _under_way(
        self, failure: type[ServiceError], failures: Sequence[Place], successes: Place
    ) -> AsyncIterator[None]:
        """Hold places for the length of the block, and count what comes of it in its own."""
        await self._counts.hold(*failures, successes)
        has_failed = has_succeeded = False
        try:
            yield
            has_succeeded = True
        except failure:
            has_failed = True
            raise
        finally:
            self._counts.end(*failures, tries=has_failed)
            self._counts.end(successes, tries=has_succeeded)

    def _remember(self, site: Place) -> None:
        self._counts.clear(site)
        self._counts.end(site, tries=1)


def _anonymous(name: str) -> str:
    """Return what a name is counted by, however it is written."""
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
