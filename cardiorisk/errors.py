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
    """The request carries no API key."""

    code = "missing-key"


class InvalidKey(ServiceError):
    """The API key is malformed, unknown, expired or revoked; which one is not told."""

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


class InvalidPatient(ServiceError):
    """One or more of the patient's fields cannot be accepted; ``faults`` names all of them."""

    code = "invalid-patient"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(
            f"{len(faults)} field(s) cannot be accepted: "
            + ", ".join(fault.field for fault in faults[:6])
            + ("…" if len(faults) > 6 else "")  # noqa: PLR2004 - as many as a patient has
        )
        self.faults = faults


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
    """No account has this name."""

    code = "unknown-account"


class UnknownKey(ServiceError):
    """No key has this id."""

    code = "unknown-key"


class UnknownPlan(ServiceError):
    """No plan has this name."""

    code = "unknown-plan"


class Conflict(ServiceError):
    """What was asked contradicts what is stored."""

    code = "conflict"
