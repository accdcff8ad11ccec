"""What operators ask over HTTP: how the service is, the newest lines, everybody's accounts."""

from cardiorisk.errors import Conflict, Taken, UnknownAccount, UnknownKey
from cardiorisk.monitoring.overview import Overview
from cardiorisk.store.values import AccountRecord
from cardiorisk.web import shapes_operators as shapes
from cardiorisk.web.events import EventStream, require_log_query
from cardiorisk.web.handlers import OperatorHandler
from cardiorisk.web.operations import given_parameters, operation
from cardiorisk.web.shapes_accounts import (
    AccountWishBody,
    KeyAnswer,
    PlanChangeBody,
    key_answer,
    new_key_answer,
)

_UNKNOWN = (UnknownAccount,)
_REFUSED = (UnknownAccount, Conflict)


class OverviewHandler(OperatorHandler):
    @operation("operatorOverview", Overview)
    async def get(self) -> None:
        """How the service is.

        Of this process, since its start. Percentiles are estimates out of the histogram of
        `/metrics`. The drift is that of the newest answers in the log, at most a minute old.
        """
        self.answer(await self.services.overviews.look())


class EventsHandler(EventStream, OperatorHandler):
    """The same as it happens."""


class LogHandler(OperatorHandler):
    @operation("operatorSearchLog", shapes.LogLinesAnswer, query=(shapes.LogParameters,))
    async def get(self) -> None:
        """The newest lines of the request log.

        Searches the end of the file that is written to now, at most 4 MiB of it; `exhaustive` is
        false where there may be more before that.
        """
        query = await require_log_query(self)
        found = await self.services.log_watch.search(query.is_wanted, query.limit)
        searched, is_whole = found.searched_bytes, found.is_exhaustive
        items = shapes.lines_answer(found.lines)
        self.answer({"items": items, "searched_bytes": searched, "exhaustive": is_whole})


class AccountsHandler(OperatorHandler):
    def shown(self, account: AccountRecord) -> shapes.OperatedAccountAnswer:
        return shapes.operated_account_answer(account, self.services.settings.plans)


class OperatedAccountsHandler(AccountsHandler):
    @operation(
        "operatorSearchAccounts", shapes.OperatedAccountsAnswer, query=(shapes.AccountParameters,)
    )
    async def get(self) -> None:
        """Look accounts up."""
        query = shapes.AccountParameters.accept(given_parameters(self)).query
        found, after = await self.services.operated.search(query)
        self.answer({"items": [self.shown(account) for account in found], "after": after})

    @operation(
        "operatorCreateAccount", shapes.NewAccountAnswer, AccountWishBody, 201, problems=(Taken,)
    )
    async def post(self) -> None:
        """Make an account for somebody, with a first key, which they register with."""
        wish = AccountWishBody.read(self.request.body)
        account, minted = await self.services.operated.create(wish.username, wish.plan)
        new_key = new_key_answer(minted, self.services.accounts.now())
        self.answer({**self.shown(account), "new_key": new_key}, 201)


class OperatedAccountHandler(AccountsHandler):
    @operation("operatorShowAccount", shapes.OperatedAccountWithKeysAnswer, problems=_UNKNOWN)
    async def get(self, number: str) -> None:
        """Show an account and its keys."""
        account, keys = await self.services.operated.view(number)
        now = self.services.accounts.now()
        self.answer({**self.shown(account), "keys": [key_answer(key, now) for key in keys]})

    @operation("operatorDelete", status=204, problems=_REFUSED)
    async def delete(self, number: str) -> None:
        """Delete an account, not one's own, and all that is its; its lines in the log stay."""
        await self.services.operated.delete(self.principal, number)
        self.answer_nothing()


class SuspendHandler(AccountsHandler):
    @operation("operatorSuspend", shapes.OperatedAccountAnswer, problems=_REFUSED)
    async def post(self, number: str) -> None:
        """Refuse an account's keys, tokens and logins; not one's own, nor the last operator's."""
        self.answer(self.shown(await self.services.operated.suspend(self.principal, number)))


class ResumeHandler(AccountsHandler):
    @operation("operatorResume", shapes.OperatedAccountAnswer, problems=_UNKNOWN)
    async def post(self, number: str) -> None:
        """End a suspension."""
        self.answer(self.shown(await self.services.operated.resume(number)))


class OperatedPlanHandler(AccountsHandler):
    @operation("operatorSetPlan", shapes.OperatedAccountAnswer, PlanChangeBody, problems=_UNKNOWN)
    async def post(self, number: str) -> None:
        """Put an account on a plan, which its keys and tokens carry at once."""
        plan = PlanChangeBody.read(self.request.body).plan
        self.answer(self.shown(await self.services.operated.set_plan(number, plan)))


class OperatedKeyHandler(OperatorHandler):
    @operation("operatorRevokeKey", KeyAnswer, problems=(UnknownAccount, UnknownKey))
    async def post(self, number: str, key_id: str) -> None:
        """End one key of an account at once; one that was ended before keeps its moment."""
        key = await self.services.operated.revoke_key(number, key_id)
        self.answer(key_answer(key, self.services.accounts.now()))
