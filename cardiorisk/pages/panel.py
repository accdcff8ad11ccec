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
from cardiorisk.monitoring.metrics import STAGES
from cardiorisk.pages.account import OperatorPage
from cardiorisk.pages.languages import marked
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import AccountRecord
from cardiorisk.web.cookies import session_cookie
from cardiorisk.web.documents import ASSETS_ROUTE
from cardiorisk.web.events import EventStream, LogParameters
from cardiorisk.web.operators import AccountParameters
from cardiorisk.web.shapes_accounts import AccountWishBody

STAGE_NAMES = {
    "auth": marked("key"),
    "limit": marked("limit"),
    "validate": marked("validation"),
    "predict": marked("network"),
    "store": marked("keeping"),
    "total": marked("total"),
}
STATUSES = ("2xx", "4xx", "5xx", "401", "403", "404", "422", "429", "503")

SEARCH, AFTER, ACCOUNT = "buscar", "despues", "cuenta"
DEED, PLAN, KEY, NAME, UNUSED = "hacer", "plan", "clave", "nombre", "olvidadas"
DEEDS = {
    "suspender": marked("The account is suspended."),
    "reanudar": marked("The account is no longer suspended."),
    "plan": marked("The account is on the plan %(plan)s now."),
    "igual": marked("The account was on the plan %(plan)s already."),
    "borrar": marked("The account has been deleted, with all that was its."),
    "revocar": marked("The key has been revoked."),
}
OWN_ACCOUNT = marked("That cannot be: it is your own account. Another operator can do it.")
LAST_OPERATOR = marked("That cannot be: it is the last operator's. Make another operator first.")
KEY_STATUSES = (marked("active"), marked("expired"), marked("revoked"))


class PanelHandler(OperatorPage):
    def get(self) -> None:
        self.show(
            "panel.html",
            stages=[(stage, STAGE_NAMES[stage]) for stage in STAGES],
            statuses=STATUSES,
            node=self.services.settings.node,
            routes=self.settings["route_templates"],
            assets_route=ASSETS_ROUTE,
            drift_names=json_encode(self._drift_names()),
            chosen={name: self.get_query_argument(name, "") for name in LogParameters.model_fields},
        )

    head = get

    def _drift_names(self) -> dict[str, str]:
        """Return what the reader calls the values that drift, by the names that the API gives."""
        english = {SCORE_NAME: "Probability"}
        english |= {field.wire_name: field.description for field in FIELDS}
        spoken = {name: self.locale.translate(text) for name, text in english.items()}
        return {name: text[:1].upper() + text[1:] for name, text in spoken.items()}


class PanelEventsHandler(EventStream, OperatorPage):
    """``/panel/eventos``: what ``/operator/events`` tells, for a browser's session.

    Lines of the pages' files are told only to whoever asks for their route, because every page
    opened, this one too, writes half a dozen of them.
    """

    async def wanted_lines(self) -> LogQuery:
        query = await super().wanted_lines()
        return query if query.route else replace(query, unwanted_route=ASSETS_ROUTE)

    async def watching(self) -> Principal:
        """Ask the session again, and it alone: a page does not look at ``Authorization``."""
        return await self.services.store.session_principal(session_cookie(self))


class PanelAccountsHandler(OperatorPage):
    async def get(self) -> None:
        number = self.get_query_argument(ACCOUNT, "")
        if number:
            await self._show_account(number, done=self.done(DEEDS))
        else:
            await self._show_found()

    head = get

    async def post(self) -> None:
        number, deed = self.form.get(ACCOUNT, ""), self.form.get(DEED, "")
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
                    await accounts.revoke_key(number, self.form.get(KEY, ""))
                case _:
                    before, _ = await accounts.view(number)
                    after = await accounts.set_plan(number, self.form.get(PLAN, ""))
                    deed = "igual" if after.plan == before.plan else "plan"
        except Conflict:
            self.set_status(409)
            is_own = number == str(self.principal.account_id)
            fault = OWN_ACCOUNT if is_own else LAST_OPERATOR
            await self._show_account(number, fault=fault)
        else:
            self.go(f"panel/cuentas?{ACCOUNT}={int(number)}&hecho={deed}")

    async def _delete(self, number: str) -> None:
        account, _ = await self.services.operated.view(number)
        if self.form.get(NAME, "").strip() == account.name:
            await self.services.operated.delete(self.principal, number)
            self.go("panel/cuentas?hecho=borrar")
        else:
            self.set_status(422)
            fault = marked("Nothing was deleted: type the account's name as it is written here.")
            await self._show_account(number, fault=fault)

    async def _create(self) -> None:
        with self.refusing():
            members = {name: self.form.get(name, "") for name in (USERNAME, PLAN)}
            wish = AccountWishBody.accept(members)
            account, minted = await self.services.operated.create(wish.username, wish.plan)
            await self._show_account(str(account.account_id), minted=minted)
        if self.faults:
            await self._show_found()

    async def _show_account(self, number: str, **said: Any) -> None:
        account, keys = await self.services.operated.view(number)
        _, days = await self.services.accounts.view(account.account_id)
        self._list([account], keys=keys, days=days, is_one=True, **said)

    async def _show_found(self) -> None:
        text = self.get_query_argument(SEARCH, "")
        after = self.get_query_argument(AFTER, "")
        try:
            query = AccountParameters.accept({"search": text, "after": after})
        except InvalidQuery:
            self.set_status(422)
            fault = marked(
                "A part of a name or an address, or the start of a key; never a whole key."
            )
            self._list([], fault=fault)
            return
        if self.get_query_argument(UNUSED, ""):
            self._list([], unused=await self.services.operated.unused_keys())
            return
        found, next_after = await self.services.operated.search(**dict(query))
        done = self.done(DEEDS)
        self._list(found, search=query.search, next_after=next_after, done=done)

    def _list(self, accounts: Sequence[AccountRecord], **names: Any) -> None:
        absent: dict[str, Any] = dict.fromkeys(("keys", "days", "search", "done", "fault"), "")
        absent |= dict.fromkeys(("is_one", "next_after", "minted", "unused"))
        self.show(
            "panel_accounts.html",
            accounts=accounts,
            now=self.services.accounts.now(),
            plans=self.services.settings.plans,
            **(absent | names),
        )
