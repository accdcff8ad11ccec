"""What the store answers with: frozen values that know nothing of the database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cardiorisk.identity.keys import Principal
from cardiorisk.patients.patient import Patient

KeyStatus = Literal["active", "expired", "revoked"]
Renewal = Literal["renewed", "ended", "refused"]
"""What became of a refresh token: used for the next one; its session was ended by it; nothing."""

SHOWN_DAYS = 30
"""Days whose calls a reader is shown, today among them."""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One account as it is stored; ``active_keys`` counts those that have not ended."""

    account_id: int
    name: str
    plan: str
    is_operator: bool
    active_keys: int
    created_at: datetime
    email: str | None
    suspended_at: datetime | None = None
    has_password: bool = False


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """What a login is checked against; without a password hash, nobody can log in."""

    account_id: int
    password_hash: str | None = field(repr=False)
    generation: int
    suspended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    key_id: str
    account: str
    plan: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    name: str | None
    limit: int | None
    """Requests a minute, where it has a limit of its own."""

    def status(self, now: datetime) -> KeyStatus:
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active"


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A key just made: the only time its text exists outside its owner's hands."""

    key: str = field(repr=False)
    record: KeyRecord


@dataclass(frozen=True, slots=True)
class Rotation:
    old: KeyRecord
    new: MintedKey


@dataclass(frozen=True, slots=True)
class Credential:
    """Whom a valid key stands for, and how long it still will (infinite without an expiry)."""

    principal: Principal
    lifetime_seconds: float


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A process, the network that it runs, and why not the one that is wanted."""

    name: str
    version: str | None
    fault: str | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class KeptAssessment:
    assessment_id: str
    created_at: datetime
    label: str | None
    patient: Patient
    probability: float
    at_risk: bool
    threshold: float
    model_version: str
