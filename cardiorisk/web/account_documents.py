"""Accounts and keys as JSON documents, for their owners and for operators. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.limits.window import limit_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cardiorisk.store.values import AccountRecord, KeyRecord


def account_document(account: AccountRecord, plans: Mapping[str, int]) -> dict[str, Any]:
    """Write an account as its owner sees it."""
    return {
        "username": account.name,
        "email": account.email,
        "plan": account.plan,
        "requests_per_minute": limit_of(account.plan, plans),
        "active_keys": account.active_keys,
        "operator": account.is_operator,
        "created_at": account.created_at.isoformat(),
    }


def operated_account_document(account: AccountRecord, plans: Mapping[str, int]) -> dict[str, Any]:
    """Write an account as operators see it."""
    return {
        "account_id": account.account_id,
        **account_document(account, plans),
        "suspended_at": _moment(account.suspended_at),
    }


def key_document(key: KeyRecord, now: datetime) -> dict[str, Any]:
    """Write a key; operators see of it what its owner sees, which is never the key."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "prefix": key.prefix,
        "status": key.status(now),
        "created_at": key.created_at.isoformat(),
        "expires_at": _moment(key.expires_at),
        "revoked_at": _moment(key.revoked_at),
        "last_used_at": _moment(key.last_used_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
