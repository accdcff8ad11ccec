"""``/panel/cuentas``: everybody's accounts, for operators; it needs no script.

What is done here is what ``/operator/accounts`` does, by forms. Each asks for a second press, and
says first what will happen.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from cardiorisk.errors import Conflict, InvalidQuery
from cardiorisk.monitoring.queries import DEFAULT_ACCOUNTS, read_account_query
from cardiorisk.pages.languages import marked
from cardiorisk.pages.session import OperatorPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cardiorisk.store.values import AccountRecord, KeyRecord

SEARCH, AFTER, ACCOUNT, DONE = "buscar", "despues", "cuenta", "hecho"
DEED, PLAN, KEY = "hacer", "plan", "clave"
DEEDS: Mapping[str, str] = MappingProxyType(
    {
        "suspender": marked("The account is suspended."),
        "reanudar": marked("The account is no longer suspended."),
        "plan": marked("The account is on the plan %(plan)s now."),
        "igual": marked("The account was on the plan %(plan)s already."),
        "revocar": marked("The key has been revoked."),
    }
)
"""What may be done, and what is said when it is done; the page puts the plan in."""
KEY_STATUSES = (marked("active"), marked("expired"), marked("revoked"))
"""What a key may be; the template asks for their translation."""


class PanelAccountsHandler(OperatorPage):
    """``/panel/cuentas``: look accounts up, suspend and resume them, end keys, change plans."""

    async def get(self) -> None:
        """Show the account that the address names, else those that the search finds."""
        number = self.get_query_argument(ACCOUNT, "")
        done = DEEDS.get(self.get_query_argument(DONE, ""), "")
        if number:
            await self._show_account(number, done=done)
        else:
            await self._show_found()

    head = get

    async def post(self) -> None:
        """Do what the form says, and show the account."""
        number, deed = self.form.get(ACCOUNT, ""), self.form.get(DEED, "")
        accounts = self.services.operated
        try:
            match deed:
                case "suspender":
                    await accounts.suspend(self.principal, number)
                case "reanudar":
                    await accounts.resume(number)
                case "revocar":
                    await accounts.revoke_key(number, self.form.get(KEY, ""))
                case _:
                    before, _ = await accounts.view(number)
                    after = await accounts.set_plan(number, self.form.get(PLAN, ""))
                    deed = "igual" if after.plan == before.plan else "plan"
        except Conflict:
            self.set_status(409)
            fault = marked("It cannot be suspended: it is your own, or the last operator's.")
            await self._show_account(number, fault=fault)
        else:
            self.go(f"panel/cuentas?{ACCOUNT}={int(number)}&{DONE}={deed}")

    async def _show_account(self, number: str, *, done: str = "", fault: str = "") -> None:
        account, keys = await self.services.operated.view(number)
        self._list([account], keys=keys, is_one=True, done=done, fault=fault)

    async def _show_found(self) -> None:
        text = self.get_query_argument(SEARCH, "")
        after = self.get_query_argument(AFTER, "")
        try:
            query = read_account_query(
                {"search": text, "after": after, "limit": str(DEFAULT_ACCOUNTS)}
            )
        except InvalidQuery:
            self.set_status(422)
            fault = marked(
                "A part of a name or an address, or the start of a key; never a whole key."
            )
            self._list([], fault=fault)
            return
        found, next_after = await self.services.operated.search(query)
        self._list(list(found), search=query.text, next_after=next_after)

    def _list(
        self,
        accounts: list[AccountRecord],
        *,
        keys: tuple[KeyRecord, ...] = (),
        is_one: bool = False,
        search: str = "",
        next_after: int | None = None,
        done: str = "",
        fault: str = "",
    ) -> None:
        self.show(
            "panel_accounts.html",
            accounts=accounts,
            keys=keys,
            is_one=is_one,
            search=search,
            next_after=next_after,
            done=done,
            fault=fault,
            now=self.services.accounts.now(),
            plans=self.services.settings.plans,
        )
