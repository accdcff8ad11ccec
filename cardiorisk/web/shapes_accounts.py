"""The shapes of accounts, tokens and keys."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import ValidationInfo, field_validator
from typing_extensions import TypedDict

from cardiorisk.errors import MalformedBody
from cardiorisk.identity.forms import (
    EMAIL_CHARACTERS,
    LEAST_PASSWORD,
    MOST_PASSWORD,
    NAME_CHARACTERS,
    NAME_RULE,
    Login,
    PasswordChange,
    Registration,
    claimed_name,
    claimed_password,
    clean_address,
    clean_name,
    clean_password,
    folded,
)
from cardiorisk.identity.keys import (
    KEY_CHARACTERS,
    LONGEST_GRACE_MINUTES,
    LONGEST_LIFETIME_DAYS,
    PREFIX,
)
from cardiorisk.identity.tokens import TokenPair
from cardiorisk.limits.window import limit_of
from cardiorisk.monitoring.queries import find_number
from cardiorisk.patients.json_object import REPEATED
from cardiorisk.store.values import SHOWN_DAYS, AccountRecord, KeyRecord, KeyStatus, MintedKey
from cardiorisk.web.shapes import Count, Json, Rule, Sent, about, number_rule

# What is sent

_CASE = "The account's name; case makes no difference"
_PRINTABLE = f"be {NAME_RULE}"
_HARD_TO_GUESS = f"have {LEAST_PASSWORD} to {MOST_PASSWORD} characters and not be the name"


def _text(description: str, example: str, least: int = 0, most: int = 0, **more: Any) -> Json:
    """Describe a text; its lengths are counted after normalization."""
    lengths = {"minLength": least, "maxLength": most} if most else {}
    described = {"description": description, "examples": [example]}
    return {"type": "string"} | lengths | described | more


def _new_password(description: str, example: str) -> Rule:
    described = f"{description}; must {_HARD_TO_GUESS}"
    lengths = (LEAST_PASSWORD, MOST_PASSWORD)
    schema = _text(described, example, *lengths, format="password")
    return Rule(clean_password, _HARD_TO_GUESS, schema)


class Form(Sent):
    """A body that says who somebody is; one that says it twice is not read at all."""

    @classmethod
    def accept(cls, members: Mapping[str, object]) -> Self:
        """Read members by name.

        Raises:
            MalformedBody: a member is sent more than once.
            InvalidAccount: a member is missing, unknown, or cannot be accepted.
        """
        if REPEATED in members.values():
            raise MalformedBody("a field is given more than once")
        return super().accept(members)


class RegistrationBody(Form):
    """Who wants an account."""

    username: Annotated[
        str,
        Rule(
            clean_name,
            _PRINTABLE,
            _text(f"{_CASE}; must {_PRINTABLE}", "natalia", 1, NAME_CHARACTERS),
        ),
    ]
    password: Annotated[str, _new_password("The account's password", "correct horse battery")]
    email: Annotated[
        str,
        Rule(
            clean_address,
            f"be an e-mail address of at most {EMAIL_CHARACTERS} characters",
            _text(
                "An address to reach the account's owner",
                "natalia@example.org",
                3,
                EMAIL_CHARACTERS,
                format="email",
            ),
        ),
    ]

    @field_validator("password")
    @classmethod
    def _is_not_the_name(cls, password: str, info: ValidationInfo) -> str:
        return _other_than(info.data.get("username", ""), password)

    @property
    def registration(self) -> Registration:
        return Registration(self.username, self.password, self.email)


class LoginBody(Form):
    """A name and a password that claim to belong together; only the right ones are right."""

    username: Annotated[
        str,
        Rule(
            claimed_name,
            f"be text of at most {NAME_CHARACTERS} characters",
            _text(_CASE, "natalia"),
        ),
    ]
    password: Annotated[
        str,
        Rule(
            claimed_password,
            f"be text of at most {MOST_PASSWORD} characters",
            _text("The account's password", "correct horse battery", format="password"),
        ),
    ]

    @property
    def login(self) -> Login:
        return Login(self.username, self.password)


class PasswordChangeBody(LoginBody):
    """A login, and the password that is to take its password's place."""

    new_password: Annotated[str, _new_password("The password from now on", "staple correct horse")]

    @field_validator("new_password")
    @classmethod
    def _is_not_the_name(cls, password: str, info: ValidationInfo) -> str:
        return _other_than(info.data.get("username", ""), password)

    @property
    def change(self) -> PasswordChange:
        return PasswordChange(self.login, self.new_password)


def _other_than(username: str, password: str) -> str:
    if folded(password) == folded(username):
        raise ValueError
    return password


_key_name = Rule(
    clean_name,
    f"be text that is {NAME_RULE}",
    _text("What you call it", "front desk", 1, NAME_CHARACTERS),
    is_nullable=True,
)


class KeyWishBody(Sent):
    """What somebody wants of a new key: no name and no end, where nothing is said of them."""

    is_optional = True

    name: Annotated[str | None, _key_name] = None
    expires_days: Annotated[
        int | None,
        replace(number_rule(1, LONGEST_LIFETIME_DAYS, "Days until it ends"), is_nullable=True),
    ] = None

    @classmethod
    def read_form(cls, fields: Mapping[str, str]) -> Self:
        """Read the fields of a page's form, where an empty one says nothing.

        Raises:
            InvalidAccount: as for ``read``.
        """
        said: dict[str, object] = {name: text for name, text in fields.items() if text.strip()}
        days = find_number(fields.get("expires_days", "").strip(), 0, LONGEST_LIFETIME_DAYS)
        return cls.accept(said if days is None else said | {"expires_days": float(days)})

    @property
    def lifetime(self) -> timedelta | None:
        return None if self.expires_days is None else timedelta(days=self.expires_days)


class RotationWishBody(Sent):
    """How long the old key still works."""

    is_optional = True

    grace_minutes: Annotated[
        int | None,
        replace(
            number_rule(0, LONGEST_GRACE_MINUTES, "Minutes for which the old key still works"),
            is_nullable=True,
        ),
    ] = None

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_minutes or 0)


class PlanChangeBody(Form):
    """Which plan an account is to be on."""

    plan: Annotated[
        str,
        Rule(
            lambda sent: sent if isinstance(sent, str) else None,
            "be a text",
            _text("The name of a plan that is set", "premium"),
        ),
    ]


# What is answered


class AccountAnswer(TypedDict):
    """The account."""

    username: Annotated[str, about("The account's name", "natalia")]
    email: Annotated[str | None, about("Null where none was given", "natalia@example.org")]
    plan: Annotated[str, about("The account's plan", "freemium")]
    requests_per_minute: Annotated[int, about("What the plan allows", 5, ge=1)]
    active_keys: Annotated[Count, about("Keys that have not ended", 1)]
    operator: Annotated[bool, about("Whether the account may do what operators may")]
    created_at: Annotated[datetime, about("When it was made")]


def account_answer(account: AccountRecord, plans: Mapping[str, int]) -> AccountAnswer:
    """Show an account as its owner sees it."""
    return {
        "username": account.name,
        "email": account.email,
        "plan": account.plan,
        "requests_per_minute": limit_of(account.plan, plans),
        "active_keys": account.active_keys,
        "operator": account.is_operator,
        "created_at": account.created_at,
    }


class DayAnswer(TypedDict):
    """The calls of one day."""

    day: Annotated[date, about("The day, UTC")]
    calls: Annotated[Count, about("Calls that the limit has counted")]


class AccountInUseAnswer(AccountAnswer):
    """The account, and its use."""

    used_this_minute: Annotated[Count, about("Calls that the current minute has counted", 2)]
    calls_by_day: Annotated[
        list[DayAnswer],
        about(
            "Counted calls of the last 30 days (UTC), the oldest first",
            min_length=SHOWN_DAYS,
            max_length=SHOWN_DAYS,
        ),
    ]


def days_answer(calls: Mapping[date, int]) -> list[DayAnswer]:
    return [{"day": day, "calls": count} for day, count in calls.items()]


class TokensAnswer(TypedDict):
    """The tokens."""

    access_token: Annotated[str, about("For `Authorization`", "eyJhbGciOiJIUzI1NiJ9.access.sig")]
    refresh_token: Annotated[str, about("For `POST /refresh`", "eyJhbGciOiJIUzI1NiJ9.refresh.sig")]
    token_type: Annotated[Literal["Bearer"], about("How the access token is sent")]
    expires_in: Annotated[int, about("Seconds of the access token", 900)]


def tokens_answer(tokens: TokenPair) -> TokensAnswer:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_seconds,
    }


class KeyAnswer(TypedDict):
    """A key, as its owner and operators see it: never the key itself."""

    key_id: Annotated[str, about("Its id", "key_3f9a1c7be204", pattern="^key_[0-9a-f]{12}$")]
    name: Annotated[str | None, about("What its owner calls it", "front desk")]
    prefix: Annotated[str, about("Its start, by which its owner recognises it", "crk_0aB1cD")]
    status: Annotated[KeyStatus, about("Whether it opens a door, and if not, why")]
    created_at: Annotated[datetime, about("When it was made")]
    expires_at: Annotated[datetime | None, about("When it ends; null where it does not")]
    revoked_at: Annotated[datetime | None, about("When it was ended; null where it was not")]
    last_used_at: Annotated[datetime | None, about("When it was last used; null before that")]


def key_answer(key: KeyRecord, now: datetime) -> KeyAnswer:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "prefix": key.prefix,
        "status": key.status(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }


class KeysAnswer(TypedDict):
    """The keys."""

    items: Annotated[list[KeyAnswer], about("The oldest first, ended ones too")]


class NewKeyAnswer(KeyAnswer):
    """The key: nothing shows it again."""

    key: Annotated[
        str,
        about(
            "The key itself: shown now and never again",
            "crk_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX",
            pattern=f"^{PREFIX}[0-9A-Za-z]{{{KEY_CHARACTERS - len(PREFIX)}}}$",
        ),
    ]


def new_key_answer(minted: MintedKey, now: datetime) -> NewKeyAnswer:
    return {"key": minted.key, **key_answer(minted.record, now)}


class RotatedKeyAnswer(NewKeyAnswer):
    """The new key, and when the old one ends."""

    replaces: Annotated[KeyAnswer, about("The old key")]
