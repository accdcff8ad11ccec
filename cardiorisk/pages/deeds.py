"""What came of the forms that were sent, so that a second press shows what came of the first.

It is in this process's memory alone, as a new key is among it and must be written nowhere. Another
process that is sent the second press knows nothing of the first, and takes it for one of its own.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cardiorisk.accounts.expiring import Expiring
from cardiorisk.errors import WrongXsrfToken
from cardiorisk.pages.languages import marked

SENT_BEFORE = marked("This form had been sent before. Nothing was done this time.")
SHOWN_SECONDS = 600.0
"""How long what came of a form is shown again; after that it is only known to have been sent."""
MOST_DEEDS, MOST_TYPED = 10_000, 1_000
MOST_TYPED_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a form: a page or, where ``location`` is not empty, the way to one.

    ``form`` is what was sent, and ``cookies`` what the answer gave, for ``set_cookie``.
    """

    form: Mapping[str, str]
    location: str
    template: str
    names: Mapping[str, Any]
    cookies: tuple[tuple[str, str, Mapping[str, Any]], ...]


class Deeds:
    """Outcomes by the key of a form; also what was typed into forms that could not be taken."""

    def __init__(self, most: int = MOST_DEEDS, shown_seconds: float = SHOWN_SECONDS) -> None:
        self._most = most
        self._under_way: dict[str, asyncio.Future[Outcome | None]] = {}
        self._outcomes = Expiring[Outcome](most, shown_seconds)
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._typed = Expiring[Mapping[str, str]](MOST_TYPED, shown_seconds)

    async def outcome(self, key: str) -> Outcome | None:
        """Return what came of a form, once that is known; None where it may be done now."""
        while key in self._under_way:
            await asyncio.shield(self._under_way[key])
        outcome = self._outcomes.get(key)
        if outcome is None and key in self._sent:
            raise WrongXsrfToken(SENT_BEFORE)
        return outcome

    def begin(self, key: str) -> None:
        """Note that a form is being worked on; ``outcome`` has just said that it may be."""
        self._under_way[key] = asyncio.get_running_loop().create_future()

    def end(self, key: str, outcome: Outcome | None) -> None:
        """Note what came of it; None where nothing was done, so that it may be sent again."""
        if outcome is not None:
            self._outcomes.put(key, outcome)
            self._sent[key] = None
            if len(self._sent) > self._most:
                self._sent.popitem(last=False)
        self._under_way.pop(key).set_result(outcome)

    def keep_typed(self, visit: str, route: str, typed: Mapping[str, str]) -> bool:
        if not visit or not typed or sum(map(len, typed.values())) > MOST_TYPED_CHARACTERS:
            return False
        self._typed.put((visit, route), typed)
        return True

    def take_typed(self, visit: str, route: str) -> dict[str, str]:
        return dict(self._typed.pop((visit, route)) or {})
