"""``/panel`` and ``/panel/cuentas``: how the service is, and everybody's accounts, for operators.

A script fills ``/panel`` from ``/panel/eventos``, as a browser's reader of events sends no header.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tornado.escape import json_encode

from cardiorisk.errors import Conflict, InvalidQuery
from cardiorisk.identity.keys import Principal
from cardiorisk.identity.texts import USERNAME
from cardiorisk.model.drift import SCORE_NAME
from cardiorisk.monitoring.log_watch import LogQuery
from cardiorisk.pages.account import OperatorPage
from cardiorisk.pages.languages import marked
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import AccountRecord, MintedKey
from cardiorisk.web.credentials import session_cookie
from cardiorisk.web.documents import ASSETS_ROUTE
from cardiorisk.web.events import EventStream, LogParameters
from cardiorisk.web.operators import AccountParameters
from cardiorisk.web.shapes_accounts import AccountWishBody

OWN_ACCOUNT = marked("That cannot be: it is your own account. Another operator can do it.")
LAST_OPERATOR = marked("That cannot be: it is the last operator's. Make another operator first.")
OTHER_NAME = marked("Nothing was deleted: type the account's name as it is written here.")
WHOLE_KEY = marked("A part of a name or an address, or the start of a key; never a whole key.")
SEARCH = {"search": "buscar", "after": "despues"}
ABSENT = dict.fromkeys(("keys", "days", "search", "is_one", "next_after", "minted", "unused"))
KEY_STATUSES = (marked("active"), marked("expired"), marked("revoked"))


class PanelHandler(OperatorPage):
    def get(self) -> None:
        names = {field.wire_name: field.description for field in FIELDS}
        names[SCORE_NAME] = "Probability"
        spoken = {name: self.locale.translate(text).capitalize() for name, text in names.items()}
        self.show(
            "panel.html",
            node=self.services.settings.node,
            routes=self.settings["route_templates"],
            assets_route=ASSETS_ROUTE,
            drift_names=json_encode(spoken),
            chosen={name: self.get_query_argument(name, "") for name in LogParameters.model_fields},
        )


class PanelEventsHandler(EventStream, OperatorPage):
    """``/panel/eventos``: what ``/operator/events`` tells, for a browser's session.

    Lines of the pages' files, half a dozen for every page, are told only to who asks for them.
    """

    async def wanted_lines(self) -> LogQuery:
        query = await super().wanted_lines()
        return query if query.route else replace(query, unwanted_route=ASSETS_ROUTE)

    async def watching(self) -> Principal:
        """Ask the session again, and it alone: a page does not look at ``Authorization``."""
        return await self.services.store.session_principal(session_cookie(self))


class PanelAccountsHandler(OperatorPage):
    async def get(self) -> None:
        if number := self.get_query_argument("cuenta", ""):
            await self._show_account(number)
        elif self.get_query_argument("olvidadas", ""):
            self._list([], unused=await self.services.operated.unused_keys())
        else:
            await self._show_found()

    async def post(self) -> None:
        number, deed = self.form.get("cuenta", ""), self.form.get("hacer", "")
        accounts = self.services.operated
        try:
            match deed:
                case "suspender":
                    await accounts.suspend(self.principal, number)
                case "reanudar":
                    await accounts.resume(number)
                case "crear":
                    await self._create()
                    return
                case "borrar":
                    await self._delete(number)
                    return
                case "revocar":
                    await accounts.revoke_key(number, self.form.get("clave", ""))
                case _:
                    before, _ = await accounts.view(number)
                    after = await accounts.set_plan(number, self.form.get("plan", ""))
                    deed = "igual" if after.plan == before.plan else "plan"
        except Conflict:
            self.set_status(409)
            is_own = number == str(self.principal.account_id)
            self.notice = OWN_ACCOUNT if is_own else LAST_OPERATOR
            await self._show_account(number)
        else:
            self.go(f"panel/cuentas?cuenta={int(number)}&hecho={deed}")

    async def _delete(self, number: str) -> None:
        account, _ = await self.services.operated.view(number)
        if self.form.get("nombre", "").strip() == account.name:
            await self.services.operated.delete(self.principal, number)
            self.go("panel/cuentas?hecho=borrar")
        else:
            self.set_status(422)
            self.notice = OTHER_NAME
            await self._show_account(number)

    async def _create(self) -> None:
        with self.refusing():
            members = {name: self.form.get(name, "") for name in (USERNAME, "plan")}
            wish = AccountWishBody.accept(members)
            account, minted = await self.services.operated.create(wish.username, wish.plan)
            await self._show_account(str(account.account_id), minted)
        if self.faults:
            await self._show_found()

    async def _show_account(self, number: str, minted: MintedKey | None = None) -> None:
        account, keys = await self.services.operated.view(number)
        _, days = await self.services.accounts.view(account.account_id)
        self._list([account], keys=keys, days=days, is_one=True, minted=minted)

    async def _show_found(self) -> None:
        asked = {name: self.get_query_argument(of, "") for name, of in SEARCH.items()}
        try:
            query = AccountParameters.accept(asked)
        except InvalidQuery:
            self.set_status(422)
            self.notice = WHOLE_KEY
            self._list([])
        else:
            found, next_after = await self.services.operated.search(**dict(query))
            self._list(found, search=query.search, next_after=next_after)

    def _list(self, accounts: Sequence[AccountRecord], **names: Any) -> None:
        self.show(
            "panel_accounts.html",
            accounts=accounts,
            now=self.services.accounts.now(),
            plans=self.services.settings.plans,
            **(ABSENT | names),
        )
