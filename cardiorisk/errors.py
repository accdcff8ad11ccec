"""Every failure the service names, one class each.

Each class has a stable ``code`` that callers may match on. HTTP statuses are given to codes in
``web.problems`` only. A message is written for the caller: it says what to do and never carries
a secret or the inside of the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class ServiceError(Exception):
    """Root of every failure that the service names."""

    code: ClassVar[str]


class MissingKey(ServiceError):
    """The request carries neither an API key nor a token."""

    code = "missing-key"


class InvalidKey(ServiceError):
    """The key or token is malformed, unknown, expired or revoked; which one is not told."""

    code = "invalid-key"


class RateLimited(ServiceError):
    """The account has used up its plan's requests for this minute."""

    code = "rate-limited"

    def __init__(self, message: str, resets_in_seconds: int) -> None:
        super().__init__(message)
        self.resets_in_seconds = resets_in_seconds


class MalformedBody(ServiceError):
    """The body is not a JSON object."""

    code = "malformed-body"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field: its wire name and a sentence without the field's name."""

    field: str
    detail: str


def _refusal(noun: str, faults: tuple[FieldFault, ...]) -> str:
    """Say how many cannot be accepted, and which."""
    plural = "" if len(faults) == 1 else "s"
    return f"{len(faults)} {noun}{plural} cannot be accepted: {_fields(faults)}"


def _fields(faults: tuple[FieldFault, ...]) -> str:
    """Name the first few faulty fields."""
    names = ", ".join(fault.field for fault in faults[:6])
    return names + ("…" if len(faults) > 6 else "")  # noqa: PLR2004 - as many as a patient has


class InvalidPatient(ServiceError):
    """One or more of the patient's fields cannot be accepted; ``faults`` names all of them."""

    code = "invalid-patient"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(_refusal("field", faults))
        self.faults = faults


class InvalidAccount(ServiceError):
    """What was said of an account cannot be accepted; ``faults`` names every such field."""

    code = "invalid-account"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(_refusal("field", faults))
        self.faults = faults


class InvalidQuery(ServiceError):
    """One or more parameters of the query string cannot be accepted; ``faults`` names all."""

    code = "invalid-query"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(_refusal("parameter", faults))
        self.faults = faults


class Taken(ServiceError):
    """The name or the address belongs to another account; ``faults`` names which."""

    code = "taken"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(f"already taken: {_fields(faults)}")
        self.faults = faults


class InvalidLogin(ServiceError):
    """The name or the password is wrong; which one is not told."""

    code = "invalid-login"


class TooManyAttempts(ServiceError):
    """A name or an address has failed too often; after a while it may try again."""

    code = "too-many-attempts"

    def __init__(self, message: str, resets_in_seconds: int) -> None:
        super().__init__(message)
        self.resets_in_seconds = resets_in_seconds


class WrongPlan(ServiceError):
    """The route is for accounts on another plan."""

    code = "wrong-plan"


class AccountSuspended(ServiceError):
    """The credential is genuine, and an operator has suspended its account."""

    code = "suspended"

    def __init__(self) -> None:
        super().__init__("the account is suspended; ask who runs the service")


class UnknownAssessment(ServiceError):
    """The account has kept no assessment of this id; whether another has is not told."""

    code = "unknown-assessment"


class WrongXsrfToken(ServiceError):
    """A request that a browser's cookie speaks for does not show that our page sent it."""

    code = "wrong-xsrf-token"


class OperatorOnly(ServiceError):
    """The route is for the accounts of operators."""

    code = "operator-only"


class ReloadUnderWay(ServiceError):
    """Another reload of the network has not ended yet."""

    code = "reload-under-way"


class BodyTooLarge(ServiceError):
    """The body is longer than any patient needs."""

    code = "body-too-large"


class NotFound(ServiceError):
    """Nothing is served at this path."""

    code = "not-found"


class MethodNotAllowed(ServiceError):
    """The path exists and does not answer this method."""

    code = "method-not-allowed"


class ClientClosed(ServiceError):
    """The caller hung up before the answer; nobody receives this, only the bitácora."""

    code = "client-closed"


class Overloaded(ServiceError):
    """A bounded queue is full."""

    code = "overloaded"


class NotReady(ServiceError):
    """The network is not loaded yet, or the service is stopping."""

    code = "not-ready"


class LogUnavailable(ServiceError):
    """The bitácora cannot be written, so no answer may be given; or it cannot be read back."""

    code = "log-unavailable"


class StoreUnavailable(ServiceError):
    """The database cannot be read or written."""

    code = "store-unavailable"


class InternalFailure(ServiceError):
    """Something happened that nobody expected; the caller learns nothing of it."""

    code = "internal"


class CannotListen(ServiceError):
    """The address to listen on is taken, or not this machine's."""

    code = "cannot-listen"


class InvalidSettings(ServiceError):
    """A setting is unknown or unusable."""

    code = "invalid-settings"


class UnusableArtefact(ServiceError):
    """The model's files are missing, altered, or made for another version of the service."""

    code = "unusable-artefact"


class UnusableData(ServiceError):
    """A file of patients cannot be read or trained on."""

    code = "unusable-data"


class UnknownAccount(ServiceError):
    """No account has this name, or this number."""

    code = "unknown-account"


class UnknownKey(ServiceError):
    """No key has this id, or none of the account that asks."""

    code = "unknown-key"


class UnknownPlan(ServiceError):
    """No plan has this name."""

    code = "unknown-plan"


class Conflict(ServiceError):
    """What was asked contradicts what is stored."""

    code = "conflict"
