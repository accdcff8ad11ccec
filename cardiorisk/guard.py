"""Who may try a password, register or change something now.

Pure but for its clock. It is asked before the work and told how that ended; the counting itself,
its bounds and its windows are in ``attempts``. The surprise: a try under way is no failure, it
only holds its place, so many right logins at once never look like guessing. See decision 0033.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cardiorisk.attempts import Attempts, site_of
from cardiorisk.errors import InvalidLogin, Taken
from cardiorisk.keys import digest
from cardiorisk.registration import folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME_FAILURES, ADDRESS_FAILURES, FAILURE_SECONDS = 10, 30, 300.0
"""Wrong passwords for one name and failures from one address, and the window they count in."""
LOGINS, LOGIN_SECONDS = 300, 300.0
"""Right passwords from one address, each of which costs a hash, and the window they count in."""
REGISTRATIONS, REGISTRATION_SECONDS = 60, 3600.0
"""Accounts that may be made from one address, and the window they count in."""
CHANGES, CHANGE_SECONDS = 60, 60.0
"""Changes of its keys and sessions that an account may ask for, and the window they count in."""


class Guard:
    """Who may try a password, register or change something now.

    What fails is counted and, in windows of their own, what succeeds; a try under way is neither
    and only holds its place, so that many right logins at once never look like guessing.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._names = Attempts(NAME_FAILURES, FAILURE_SECONDS, clock)
        self._addresses = Attempts(ADDRESS_FAILURES, FAILURE_SECONDS, clock)
        self._logins = Attempts(LOGINS, LOGIN_SECONDS, clock)
        self._registrations = Attempts(REGISTRATIONS, REGISTRATION_SECONDS, clock)
        self._changes = Attempts(CHANGES, CHANGE_SECONDS, clock)

    @contextmanager
    def login(self, name: str, address: str) -> Iterator[None]:
        """Count the block as a failure of the name and the address if the login was wrong.

        Success starts the name's count anew and leaves the address's as it is, so that a
        guesser's own account does not clean the slate.

        Raises:
            TooManyAttempts: the name or the address has failed, or the address has logged in,
                too often.
            Overloaded: too many tries of the name or from the address are under way.
        """
        who, site = digest(folded(name)).hex(), site_of(address)
        with (
            self._names.under_way(who),
            self._addresses.under_way(site),
            self._logins.under_way(site),
        ):
            try:
                yield
            except InvalidLogin:
                self._names.count(who)
                self._addresses.count(site)
                raise
            self._names.forget(who)
            self._logins.count(site)

    @contextmanager
    def registration(self, address: str) -> Iterator[None]:
        """Count the block as a registration, or as a failure if a name was taken.

        Raises:
            TooManyAttempts: the address has registered or failed too often.
            Overloaded: too many tries from the address are under way.
        """
        site = site_of(address)
        with self._addresses.under_way(site), self._registrations.under_way(site):
            try:
                yield
            except Taken:
                self._addresses.count(site)
                raise
            self._registrations.count(site)

    def count_change(self, account_id: int) -> None:
        """Count a change that an account is about to make, whatever becomes of it.

        Raises:
            TooManyAttempts: the account has made too many.
        """
        self._changes.require(str(account_id))
        self._changes.count(str(account_id))
