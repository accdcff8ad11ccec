"""What the store answers with: frozen values that know nothing of the database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cardiorisk.identity.keys import Principal
from cardiorisk.patients.patient import Patient

KeyStatus = Literal["active", "expired", "revoked"]
Renewal = Literal["renewed", "ended", "refused"]  # refresh token: used; its session ended; nothing
SHOWN_DAYS = 30  # days whose calls a reader is shown, today among them


@dataclass(frozen=True, slots=True)
class AccountRecord:
    account_id: int
    name: str
    plan: str
    is_operator: bool
    active_keys: int  # those that have not ended
    created_at: datetime
    email: str | None
    suspended_at: datetime | None = None
    has_password: bool = False


@dataclass(frozen=True, slots=True)
class StoredLogin:
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
    limit: int | None  # its own, in requests a minute

    def status(self, now: datetime) -> KeyStatus:
        if self.revoked_at is not None:
            return "revoked"
        has_expired = self.expires_at is not None and self.expires_at <= now
        return "expired" if has_expired else "active"


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
    principal: Principal
    lifetime_seconds: float  # infinite without an expiry


@dataclass(frozen=True, slots=True)
class NodeRecord:
    name: str
    version: str | None  # of the network that it runs
    fault: str | None  # why not the one that is wanted
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
