"""Every failure the service names, one class each.

A ``code`` never changes: callers may match on it. A message is the caller's: it says what to do,
and never a secret or the inside of the service.
"""

import dataclasses
from typing import ClassVar

_MOST_NAMED = 6  # as many fields as a patient has


class ServiceError(Exception):
    """Root of every failure that the service names; ``said`` is what it says if nothing else is."""

    code: ClassVar[str]
    said: ClassVar[str]

    def __init_subclass__(cls, *, code: str, said: str = "") -> None:
        cls.code, cls.said = code, said

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.said)


@dataclasses.dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field, without its name; a patient's, in Spanish too."""

    field: str
    detail: str
    spanish: str = dataclasses.field(default="", compare=False)


def named(faults: tuple[FieldFault, ...]) -> str:
    names = ", ".join(fault.field for fault in faults[:_MOST_NAMED])
    return names + ("…" if len(faults) > _MOST_NAMED else "")


class _WithReset(Exception):
    def __init__(self, message: str, resets_in_seconds: int) -> None:
        super().__init__(message)
        self.resets_in_seconds = resets_in_seconds


class _WithFaults(Exception):
    noun: ClassVar[str] = "field"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        nouns = self.noun if len(faults) == 1 else f"{self.noun}s"
        super().__init__(f"{len(faults)} {nouns} cannot be accepted: {named(faults)}")
        self.faults = faults


# What callers are told of who they are, and how much they may ask
class MissingKey(ServiceError, code="missing-key"): ...


class InvalidKey(ServiceError, code="invalid-key"): ...  # or token; why is not told


class InvalidLogin(ServiceError, code="invalid-login"): ...


class WrongXsrfToken(ServiceError, code="wrong-xsrf-token"): ...


class RegistrationClosed(
    ServiceError,
    code="registration-closed",
    said="whoever runs the service makes the accounts: ask them for a key, and register with it in "
    "the Authorization header",
): ...


class AccountSuspended(
    ServiceError, code="suspended", said="the account is suspended; ask who runs the service"
): ...


class WrongPlan(ServiceError, code="wrong-plan"): ...


class LimitedKey(
    ServiceError, code="limited-key", said="a key with a limit of its own manages no other; log in"
): ...


class OperatorOnly(ServiceError, code="operator-only"): ...


class RateLimited(_WithReset, ServiceError, code="rate-limited"): ...


class TooManyAttempts(_WithReset, ServiceError, code="too-many-attempts"): ...


# What they are told of what they ask
class NotFound(ServiceError, code="not-found"): ...


class MethodNotAllowed(ServiceError, code="method-not-allowed"): ...


class BodyTooLarge(ServiceError, code="body-too-large"): ...


class BodyTimeout(ServiceError, code="body-timeout"): ...


class UnsupportedCoding(ServiceError, code="unsupported-coding"): ...


class MalformedBody(ServiceError, code="malformed-body"): ...


class InvalidPatient(_WithFaults, ServiceError, code="invalid-patient"): ...


class InvalidAccount(_WithFaults, ServiceError, code="invalid-account"): ...


class InvalidQuery(_WithFaults, ServiceError, code="invalid-query"):
    noun = "parameter"


class Taken(ServiceError, code="taken"):
    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(f"already taken: {named(faults)}")
        self.faults = faults


class UnknownAssessment(ServiceError, code="unknown-assessment"): ...


class UnknownAccount(ServiceError, code="unknown-account"): ...


class UnknownKey(ServiceError, code="unknown-key"): ...  # or it is another account's


class Conflict(ServiceError, code="conflict"): ...


# What keeps the service from answering
class Overloaded(ServiceError, code="overloaded"): ...


class NotReady(ServiceError, code="not-ready"): ...  # or the service is stopping


class ReloadUnderWay(ServiceError, code="reload-under-way"): ...


class LogUnavailable(ServiceError, code="log-unavailable"): ...  # or it cannot be read back


class StoreUnavailable(ServiceError, code="store-unavailable"): ...


class LimitsUnavailable(ServiceError, code="limits-unavailable"): ...  # Redis is away


class ClientClosed(ServiceError, code="client-closed"): ...  # for the bitácora alone


class InternalFailure(ServiceError, code="internal"): ...


# What keeps it from starting, or a command from its work
class CannotListen(ServiceError, code="cannot-listen"): ...


class InvalidSettings(ServiceError, code="invalid-settings"): ...


class UnusableArtefact(ServiceError, code="unusable-artefact"): ...


class UnusableData(ServiceError, code="unusable-data"): ...
