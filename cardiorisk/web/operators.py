"""What operators ask over HTTP: how the service is, and everybody's accounts."""

from datetime import datetime
from typing import Annotated

from typing_extensions import TypedDict

from cardiorisk.accounts import operated
from cardiorisk.errors import Conflict, InvalidQuery, Taken, UnknownAccount, UnknownKey
from cardiorisk.identity.texts import LARGEST_NUMBER
from cardiorisk.monitoring.overview import Overview
from cardiorisk.store.values import AccountRecord
from cardiorisk.web import shapes_accounts as shapes
from cardiorisk.web.events import text_rule
from cardiorisk.web.handlers import OperatorHandler
from cardiorisk.web.operations import given_parameters, operation
from cardiorisk.web.shapes import Sent, about, number_rule

_accounts = number_rule(1, operated.MOST_ACCOUNTS, "How many at most", is_text=True)
_number = number_rule(0, LARGEST_NUMBER, "The number to go on after", is_text=True)
_search = text_rule("Part of a name or an address, the id of a key, or the characters shown of one")


class AccountParameters(Sent):
    """Which accounts are wanted."""

    refusal = InvalidQuery
    is_all_text = True
    may_be_empty = True

    search: Annotated[str, _search] = ""
    after: Annotated[int, _number] = 0
    limit: Annotated[int, _accounts] = operated.DEFAULT_ACCOUNTS


class OperatedAccountAnswer(shapes.AccountAnswer):
    """The account as operators see it, as it is now."""

    account_id: Annotated[int, about("Its number", 7, ge=1)]
    suspended_at: Annotated[datetime | None, about("Null where it is not suspended")]


class OperatedAccountWithKeysAnswer(OperatedAccountAnswer):
    """The account as operators see it, with its keys."""

    keys: Annotated[list[shapes.KeyAnswer], about("Its keys, the oldest first")]


class NewAccountAnswer(OperatedAccountAnswer):
    """The account, and the key to register with: nothing shows it again."""

    new_key: Annotated[shapes.NewKeyAnswer, about("Its first key")]


class OperatedAccountsAnswer(TypedDict):
    """A page; send its `after` to get the next one, null means that there is none."""

    items: Annotated[list[OperatedAccountAnswer], about("By their numbers")]
    after: Annotated[int | None, about("Where the next page begins")]


_REFUSED = (UnknownAccount, Conflict)


class OverviewHandler(OperatorHandler):
    @operation("operatorOverview", Overview)
    async def get(self) -> None:
        """How the service is.

        Of this process, since its start. Percentiles are estimates out of the histogram of
        `/metrics`. The drift is that of the newest answers in the log, at most a minute old.
        """
        self.answer(await self.services.overviews.look())


class AccountsHandler(OperatorHandler):
    def shown(self, account: AccountRecord) -> OperatedAccountAnswer:
        return shapes.account_answer(account, self.services.settings.plans, OperatedAccountAnswer)


class OperatedAccountsHandler(AccountsHandler):
    @operation("operatorSearchAccounts", OperatedAccountsAnswer, query=(AccountParameters,))
    async def get(self) -> None:
        """Look accounts up."""
        query = AccountParameters.accept(given_parameters(self))
        found, after = await self.services.operated.search(**dict(query))
        self.answer({"items": [self.shown(account) for account in found], "after": after})

    @operation(
        "operatorCreateAccount", NewAccountAnswer, shapes.AccountWishBody, 201, problems=(Taken,)
    )
    async def post(self) -> None:
        """Make an account for somebody, with a first key, which they register with."""
        wish = shapes.AccountWishBody.read(self.request.body)
        account, minted = await self.services.operated.create(wish.username, wish.plan)
        new_key = shapes.new_key_answer(minted, self.services.accounts.now())
        self.answer({**self.shown(account), "new_key": new_key}, 201)


class OperatedAccountHandler(AccountsHandler):
    @operation("operatorShowAccount", OperatedAccountWithKeysAnswer, problems=(UnknownAccount,))
    async def get(self, number: str) -> None:
        """Show an account and its keys."""
        account, keys = await self.services.operated.view(number)
        now = self.services.accounts.now()
        self.answer({**self.shown(account), "keys": [shapes.key_answer(key, now) for key in keys]})

    @operation("operatorDelete", status=204, problems=_REFUSED)
    async def delete(self, number: str) -> None:
        """Delete an account, not one's own, and all that is its; its lines in the log stay."""
        await self.services.operated.delete(self.principal, number)
        self.answer_nothing()


class SuspendHandler(AccountsHandler):
    @operation("operatorSuspend", OperatedAccountAnswer, problems=_REFUSED)
    async def post(self, number: str) -> None:
        """Refuse an account's keys, tokens and logins; not one's own, nor the last operator's."""
        self.answer(self.shown(await self.services.operated.suspend(self.principal, number)))


class ResumeHandler(AccountsHandler):
    @operation("operatorResume", OperatedAccountAnswer, problems=(UnknownAccount,))
    async def post(self, number: str) -> None:
        """End a suspension."""
        self.answer(self.shown(await self.services.operated.resume(number)))


class OperatedPlanHandler(AccountsHandler):
    @operation(
        "operatorSetPlan", OperatedAccountAnswer, shapes.PlanChangeBody, problems=(UnknownAccount,)
    )
    async def post(self, number: str) -> None:
        """Put an account on a plan, which its keys and tokens carry at once."""
        plan = shapes.PlanChangeBody.read(self.request.body).plan
        self.answer(self.shown(await self.services.operated.set_plan(number, plan)))


class OperatedKeyHandler(OperatorHandler):
    @operation("operatorRevokeKey", shapes.KeyAnswer, problems=(UnknownAccount, UnknownKey))
    async def post(self, number: str, key_id: str) -> None:
        """End one key of an account at once; one that was ended before keeps its moment."""
        key = await self.services.operated.revoke_key(number, key_id)
        self.answer(shapes.key_answer(key, self.services.accounts.now()))
