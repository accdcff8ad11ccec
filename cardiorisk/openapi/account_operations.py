"""The operations on accounts, tokens and keys, in the order in which somebody new needs them."""

from __future__ import annotations

from cardiorisk.errors import (
    AccountSuspended,
    Conflict,
    InvalidAccount,
    InvalidLogin,
    MalformedBody,
    NotReady,
    Overloaded,
    StoreUnavailable,
    Taken,
    TooManyAttempts,
    UnknownKey,
)
from cardiorisk.openapi import examples
from cardiorisk.openapi.words import Answer, Body, Operation

_BUSY = (NotReady.code, Overloaded.code, StoreUnavailable.code)
_FORM = (MalformedBody.code, InvalidAccount.code, TooManyAttempts.code, *_BUSY)
_CHANGE = (TooManyAttempts.code, Conflict.code)
_WISH = (MalformedBody.code, InvalidAccount.code, *_CHANGE)
_LOGIN_FORM = (*_FORM, InvalidLogin.code, AccountSuspended.code)
_LOGIN = Body("Login", {"login": examples.LOGIN})
_TOKENS = Answer(200, "The tokens", "Tokens", examples.TOKENS)
_NOTHING = Answer(204, "It is done", content_types=())


def _switch(name: str, plan: str, account: dict[str, object]) -> Operation:
    return Operation(
        "POST",
        f"/{name}",
        f"s{name[1:]}",
        "account",
        f"Put your account on the plan {plan}",
        Answer(200, "The account", "Account", account),
        "Keys and tokens already issued carry the new plan from the next request on.",
        access="open",
        body=_LOGIN,
        errors=_LOGIN_FORM,
    )


_ACCOUNT = (
    Operation(
        "POST",
        "/register",
        "register",
        "account",
        "Make an account, on the plan freemium",
        Answer(201, "The account", "Account", examples.ACCOUNT | {"active_keys": 0}),
        access="open",
        body=Body("Registration", {"registration": examples.REGISTRATION}),
        errors=(*_FORM, Taken.code),
    ),
    Operation(
        "POST",
        "/login",
        "login",
        "account",
        "Give a name and a password for tokens",
        _TOKENS,
        "The access token goes where an API key does. A wrong name and a wrong password are "
        "answered alike.",
        access="open",
        body=_LOGIN,
        errors=_LOGIN_FORM,
    ),
    Operation(
        "POST",
        "/refresh",
        "refresh",
        "account",
        "Give a refresh token for the next pair of tokens",
        _TOKENS,
        "The refresh token is used up. Using it a second time ends its session.",
        access="refresh",
        errors=(TooManyAttempts.code,),
    ),
    Operation(
        "POST",
        "/logout",
        "logout",
        "account",
        "End the session that the access token belongs to",
        _NOTHING,
        "An API key has no session, so it gets a 409.",
        access="identified",
        errors=_CHANGE,
    ),
    _switch("SwitchToPremium", "premium", examples.PREMIUM_ACCOUNT),
    _switch("SwitchToFreemium", "freemium", examples.ACCOUNT),
    Operation(
        "GET",
        "/account",
        "showAccount",
        "account",
        "Show your account",
        Answer(200, "The account, and its use", "AccountInUse", examples.ACCOUNT_IN_USE),
        access="identified",
        other_answer=Answer(
            303, "To a browser: the page is there", headers=("Location",), content_types=()
        ),
    ),
    Operation(
        "POST",
        "/account/password",
        "changePassword",
        "account",
        "Change your password",
        _NOTHING,
        "Every token of the account ends at once; its API keys stay.",
        access="open",
        body=Body("PasswordChange", {"change": examples.PASSWORD_CHANGE}),
        errors=_LOGIN_FORM,
    ),
)

_KEY_WISHES = {"month": {"name": "front desk", "expires_days": 30}, "endless": {}}
_KEYS = (
    Operation(
        "GET",
        "/account/keys",
        "listKeys",
        "keys",
        "List your keys, the oldest first, ended ones too",
        Answer(200, "The keys", "Keys", {"items": [examples.KEY]}),
        access="identified",
    ),
    Operation(
        "POST",
        "/account/keys",
        "createKey",
        "keys",
        "Make a key",
        Answer(201, "The key: nothing shows it again", "NewKey", examples.NEW_KEY),
        "All keys of an account draw on one limit.",
        access="identified",
        body=Body("KeyWish", _KEY_WISHES, is_required=False),
        errors=_WISH,
    ),
    Operation(
        "DELETE",
        "/account/keys/{id}",
        "revokeKey",
        "keys",
        "End a key at once",
        _NOTHING,
        access="identified",
        errors=(UnknownKey.code, TooManyAttempts.code),
    ),
    Operation(
        "POST",
        "/account/keys/{id}/rotate",
        "rotateKey",
        "keys",
        "Make a new key in the place of an old one",
        Answer(201, "The new key, and when the old one ends", "RotatedKey", examples.ROTATED_KEY),
        access="identified",
        body=Body("RotationWish", {"hour": {"grace_minutes": 60}, "now": {}}, is_required=False),
        errors=(*_WISH, UnknownKey.code),
    ),
)

ACCOUNT_OPERATIONS: tuple[Operation, ...] = (*_ACCOUNT, *_KEYS)
