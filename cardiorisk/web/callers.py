"""The upper rungs of the ladder of handlers: who is calling, and what they may ask for.

``IdentifiedHandler`` promises that the caller is known; ``OperatorHandler``, that it is an
operator; ``AuthenticatedHandler``, that it is within the plan's limit; ``AssessingHandler``, that
patients are assessed in one way. The surprise: a caller is refused by raising, in ``admit``, and
never by an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cardiorisk.errors import MissingKey, OperatorOnly, RateLimited
from cardiorisk.limits.window import limit_of
from cardiorisk.web.base import BaseHandler
from cardiorisk.web.cookies import require_cookie_principal, session_cookie

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from cardiorisk.identity.keys import Principal
    from cardiorisk.model.assessing import Assessment
    from cardiorisk.patients.patient import Patient

    Ask = Callable[[Patient], asyncio.Future[Assessment]]

Result = TypeVar("Result")

OUTSIDE_TRAINING = "queda fuera de lo que vio el entrenamiento; GET /model da los intervalos"


class IdentifiedHandler(BaseHandler):
    """A request whose caller is known."""

    async def admit(self) -> None:
        """Let in who has a valid API key or access token, or a page of ours with its cookie.

        Raises:
            MissingKey: there is neither an ``Authorization`` header nor a cookie.
            InvalidKey: the credential is not one of ours, or no longer.
            WrongXsrfToken: a cookie came alone, as another site could have it sent.
        """
        try:
            self.caller = await self.services.store.principal(self.credential())
        except MissingKey:
            cookie = session_cookie(self)
            if not cookie:
                raise
            self.caller = await require_cookie_principal(self, cookie)
        finally:
            self.timings.end_stage("auth")

    @property
    def principal(self) -> Principal:
        """Who is calling; known from ``admit`` on."""
        assert self.caller is not None  # noqa: S101 - for mypy; admit has let the caller in
        return self.caller


class OperatorHandler(IdentifiedHandler):
    """A request of an operator; it is not counted, so that a used-up plan cannot lock one out."""

    async def admit(self) -> None:
        """Let in operators.

        Raises:
            OperatorOnly: the caller is known and no operator.
        """
        await super().admit()
        if not self.principal.is_operator:
            raise OperatorOnly("this needs a key of an operator's account")


class AuthenticatedHandler(IdentifiedHandler):
    """A request whose caller is known and within the plan's limit."""

    async def admit(self) -> None:
        """Let in who is known and has requests left in this minute.

        Raises:
            RateLimited: the plan's requests of this minute are used up.
        """
        await super().admit()
        self.draw_on_window()

    def draw_on_window(self) -> None:
        """Count the request against the plan of the caller, who is known.

        Raises:
            RateLimited: the plan's requests of this minute are used up.
        """
        principal = self.caller
        assert principal is not None  # noqa: S101 - for mypy; nobody unknown is counted
        limit = limit_of(principal.plan, self.services.settings.plans)
        self.verdict = self.services.limiter.hit(principal.account_id, limit)
        self.timings.end_stage("limit")
        if not self.verdict.allowed:
            seconds = self.verdict.resets_in_seconds
            self.services.metrics.count_refusal(principal.plan)
            raise RateLimited(
                f"the plan {principal.plan} allows {limit} requests a minute; "
                f"the next minute starts in {seconds} s",
                seconds,
            )


class AssessingHandler(AuthenticatedHandler):
    """A request that has a patient assessed."""

    def validated(self, read: Callable[[], Result]) -> Result:
        """Read what was sent, with its own stage of the timer."""
        try:
            return read()
        finally:
            self.timings.end_stage("validate")

    async def assess(self, patient: Patient, ask: Ask | None = None) -> Assessment:
        """Ask the network, with its own stage of the timer.

        Args:
            patient: whom to ask about.
            ask: how to ask, if not by the predictor's ``assess``.
        """
        self.patient = patient
        ask = ask or self.services.predictor.assess
        self.assessment = await self.while_connected(ask(patient))
        self.timings.end_stage("predict")
        return self.assessment

    def warnings(self) -> dict[str, Any]:
        """Return the answer's member that warns of inputs beyond what training saw, if any are."""
        if self.assessment is None or not self.assessment.outside_training:
            return {}
        names = self.assessment.outside_training
        return {"advertencias": [{"field": name, "detail": OUTSIDE_TRAINING} for name in names]}
