"""What operators ask over HTTP: how the service is, the newest lines, everybody's accounts.

Nothing here draws on a limit, so that a used-up plan cannot lock an operator out; all of it is in
the log like everything else.
"""

from __future__ import annotations

from cardiorisk.monitoring.queries import read_account_query, read_plan
from cardiorisk.web.account_documents import key_document, operated_account_document
from cardiorisk.web.events import EventStream, given_parameters, require_log_query
from cardiorisk.web.handlers import OperatorHandler
from cardiorisk.web.operator_documents import log_document, overview_document


class OverviewHandler(OperatorHandler):
    """``/operator/overview``: how the service is."""

    async def get(self) -> None:
        """Show it; this request is not counted yet."""
        self.answer(overview_document(await self.services.overviews.look()))


class EventsHandler(EventStream, OperatorHandler):
    """``/operator/events``: the same as it happens."""


class LogHandler(OperatorHandler):
    """``/operator/log``: the newest lines of the bitácora."""

    async def get(self) -> None:
        """Search backwards; this request's own line is not written yet."""
        query = await require_log_query(self)
        found = await self.services.log_watch.search(query.is_wanted, query.limit)
        self.answer(log_document(found))


class OperatedAccountsHandler(OperatorHandler):
    """``/operator/accounts``: everybody's accounts."""

    async def get(self) -> None:
        """List those that the search finds, by their numbers, a page at a time."""
        query = read_account_query(given_parameters(self))
        found, after = await self.services.operated.search(query)
        plans = self.services.settings.plans
        self.answer(
            {
                "items": [operated_account_document(account, plans) for account in found],
                "after": after,
            }
        )


class OperatedAccountHandler(OperatorHandler):
    """``/operator/accounts/{id}``: one account."""

    async def get(self, number: str) -> None:
        """Show it, with its keys."""
        account, keys = await self.services.operated.view(number)
        now = self.services.accounts.now()
        self.answer(
            operated_account_document(account, self.services.settings.plans)
            | {"keys": [key_document(key, now) for key in keys]}
        )


class SuspendHandler(OperatorHandler):
    """``/operator/accounts/{id}/suspend``: refuse what is the account's."""

    async def post(self, number: str) -> None:
        """Suspend it; its keys and tokens open nothing from the next request on."""
        account = await self.services.operated.suspend(self.principal, number)
        self.answer(operated_account_document(account, self.services.settings.plans))


class ResumeHandler(OperatorHandler):
    """``/operator/accounts/{id}/resume``: end a suspension."""

    async def post(self, number: str) -> None:
        """Let the account in again."""
        account = await self.services.operated.resume(number)
        self.answer(operated_account_document(account, self.services.settings.plans))


class OperatedKeyHandler(OperatorHandler):
    """``/operator/accounts/{id}/keys/{key_id}/revoke``: end one key of an account."""

    async def post(self, number: str, key_id: str) -> None:
        """Revoke it; it opens nothing from the next request on."""
        key = await self.services.operated.revoke_key(number, key_id)
        self.answer(key_document(key, self.services.accounts.now()))


class OperatedPlanHandler(OperatorHandler):
    """``/operator/accounts/{id}/plan``: put an account on a plan."""

    async def post(self, number: str) -> None:
        """Change it; its keys and tokens carry it from the next request on."""
        plan = read_plan(self.request.body)
        account = await self.services.operated.set_plan(number, plan)
        self.answer(operated_account_document(account, self.services.settings.plans))
