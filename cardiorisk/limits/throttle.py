"""How often somebody may try a password, register or change something.

A try holds a place in its windows until its outcome is known. Whoever is where a name has logged in
before, as that login's cookie or the address shows, has a window that strangers cannot use up.
"""

import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from cardiorisk.errors import InvalidLogin, Overloaded, ServiceError, Taken, TooManyAttempts
from cardiorisk.identity.texts import folded


class Kind(NamedTuple):
    name: str
    most: int
    seconds: int  # of the window


NAMES = Kind("names", 10, 300)  # strangers' wrong passwords for one name
ADDRESSES = Kind("addresses", 30, 300)  # and from one address
KNOWN = Kind("known", 10, 300)  # wrong passwords for a name where it has logged in before
LOGINS = Kind("logins", 300, 300)  # right passwords for one name, each of which costs a hash
TAKEN = Kind("taken", 30, 300)  # registrations from one address that found a name taken
REGISTRATIONS = Kind("registrations", 60, 3600)  # and those that made an account
CHANGES = Kind("changes", 60, 60)  # changes of its keys and sessions by an account
SITES = Kind("sites", 1, 7 * 24 * 3600)  # where a name has logged in, remembered that long

MOST_COUNTED = 16_384  # windows of a kind in memory, some 250 bytes each


class Place(NamedTuple):
    kind: Kind
    who: str


def require_left(place: Place, tries: int, held: int, resets_in_seconds: int) -> None:
    """Raise ``TooManyAttempts``, or ``Overloaded`` where those under way may take what is left."""
    seconds = max(1, resets_in_seconds)
    if tries >= place.kind.most:
        raise TooManyAttempts(f"there were too many attempts; try again in {seconds} s", seconds)
    if tries + held >= place.kind.most:
        raise Overloaded("too many attempts are under way; try again in a second")


class Tries:
    """Tries of this process; a clock that is set back starts their windows anew."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # When each ends, in seconds, and how many tries it has; in order of their beginnings.
        self._windows: defaultdict[Kind, dict[str, tuple[float, int]]] = defaultdict(dict)
        self._held: Counter[Place] = Counter()

    async def tries(self, *places: Place) -> list[int]:
        return [self._window(place)[1] for place in places]

    async def hold(self, *places: Place) -> None:
        """Hold a place in each window, or in none; raises as ``require_left``."""
        for place in places:
            ends_at, tries = self._window(place)
            require_left(place, tries, self._held[place], math.ceil(ends_at - self._clock()))
        self._held.update(places)

    def end(self, *places: Place, tries: int = 0) -> None:
        self._held -= Counter(places)
        for place in places if tries else ():
            ends_at, counted = self._window(place)
            windows = self._windows[place.kind]
            if not counted:
                windows.pop(place.who, None)
            windows[place.who] = ends_at, counted + tries
            if len(windows) > MOST_COUNTED:
                del windows[next(iter(windows))]

    def clear(self, place: Place) -> None:
        self._windows[place.kind].pop(place.who, None)

    async def arrived(self) -> None:
        """Wait until what was ended or cleared counts for all processes, or until none can know."""

    def _window(self, place: Place) -> tuple[float, int]:
        now = self._clock()
        ends_at, tries = self._windows[place.kind].get(place.who, (now, 0))
        if 0 < ends_at - now <= place.kind.seconds:
            return ends_at, tries
        return now + place.kind.seconds, 0


class Throttle:
    """Who may try a password, register or change something now; raises as ``Tries.hold``."""

    def __init__(self, tries: Tries) -> None:
        self._tries = tries

    @asynccontextmanager
    async def login(self, name: str, address: str, device: str = "") -> AsyncIterator[bool]:
        """Count a wrong login, remember where one was right; yield whether the name is known."""
        who, site = _anonymous(name), site_of(address)
        here = Place(SITES, f"{who} {site}")
        by_device, by_site = Place(KNOWN, device), Place(KNOWN, here.who)
        of_device, of_site, is_here = await self._tries.tries(by_device, by_site, here)
        if device and of_device < KNOWN.most:
            places = [by_device]
        elif is_here and of_site < KNOWN.most:
            places = [by_site]
        else:
            places = [Place(NAMES, who), Place(ADDRESSES, site)]
        async with self._under_way(InvalidLogin, places, Place(LOGINS, who)):
            yield places[0].kind is KNOWN
        self._tries.clear(places[0])  # not the address: a guesser's own account would clear it
        await self._remember(here)

    @asynccontextmanager
    async def registration(self, name: str, address: str) -> AsyncIterator[None]:
        site = site_of(address)
        async with self._under_way(Taken, [Place(TAKEN, site)], Place(REGISTRATIONS, site)):
            yield
        await self._remember(Place(SITES, f"{_anonymous(name)} {site}"))

    async def count_change(self, account_id: int) -> None:
        place = Place(CHANGES, str(account_id))
        await self._tries.hold(place)
        self._tries.end(place, tries=1)
        await self._tries.arrived()

    @asynccontextmanager
    async def _under_way(
        self, failure: type[ServiceError], failures: Sequence[Place], success: Place
    ) -> AsyncIterator[None]:
        await self._tries.hold(*failures, success)
        has_failed = has_succeeded = False
        try:
            yield
            has_succeeded = True
        except failure:
            has_failed = True
            raise
        finally:
            self._tries.end(*failures, tries=has_failed)
            self._tries.end(success, tries=has_succeeded)
            await self._tries.arrived()

    async def _remember(self, site: Place) -> None:
        self._tries.clear(site)
        self._tries.end(site, tries=1)
        await self._tries.arrived()


def _anonymous(name: str) -> str:
    return sha256(folded(name).encode("utf-8", "surrogatepass")).hexdigest()


def site_of(address: str) -> str:
    """Return an address or, of IPv6, its network of 64 bits. Source: RFC 6177, section 2."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), 64), strict=False))
    return str(parsed)
