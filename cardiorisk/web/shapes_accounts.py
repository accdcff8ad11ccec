"""The shapes of accounts, tokens and keys."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ValidationInfo
from typing_extensions import TypedDict

from cardiorisk.identity import keys, texts
from cardiorisk.identity.tokens import TokenPair
from cardiorisk.limits.window import limit_of
from cardiorisk.store.values import SHOWN_DAYS, AccountRecord, KeyRecord, KeyStatus, MintedKey
from cardiorisk.web.shapes import Count, Json, Rule, Sent, Shape, about, number_rule, shown

_NAME = "The account's name; case makes no difference"
_HARD = f"have {texts.LEAST_PASSWORD} to {texts.MOST_PASSWORD} characters and not be the name"
_ADDRESS = f"be an e-mail address of at most {texts.EMAIL_CHARACTERS} characters"
_AT_MOST = "be text of at most {} characters"
_lengths: Json = {"minLength": 1, "maxLength": texts.NAME_CHARACTERS}
_hidden: Json = {"format": "password"}
_hard = _hidden | {"minLength": texts.LEAST_PASSWORD, "maxLength": texts.MOST_PASSWORD}
_mailed: Json = {"format": "email", "maxLength": texts.EMAIL_CHARACTERS}


def _text(
    read: Callable[[Any], str | None], accepted: str, said: str, example: str, more: Json
) -> Rule:
    """Accept a text; the lengths in its schema, ``more``, are counted after normalization."""
    schema = {"type": "string", "description": f"{said}; must {accepted}", "examples": [example]}
    return Rule(read, accepted, schema | more)


def _differing(password: str, info: ValidationInfo) -> str:
    if texts.folded(password) == texts.folded(info.data.get("username", "")):
        raise ValueError
    return password


_username = _text(texts.clean_name, f"be {texts.NAME_RULE}", _NAME, "natalia", _lengths)
_claimed_name = _text(
    *(texts.claimed_name, _AT_MOST.format(texts.NAME_CHARACTERS), _NAME, "natalia"),
    {"pattern": r"^[^\u0000]*$"},  # which PostgreSQL cannot look for
)
_said = "The account's password", "correct horse battery"
_first_password = _text(texts.clean_password, _HARD, *_said, _hard)
_claimed_password = _text(
    texts.claimed_password, _AT_MOST.format(texts.MOST_PASSWORD), *_said, _hidden
)
_said = "The password from now on", "staple correct horse"
_next_password = _text(texts.clean_password, _HARD, *_said, _hard)
_said = "An address to reach the account's owner", "natalia@example.org"
_email = _text(texts.clean_address, _ADDRESS, *_said, _mailed)
_said = "What you call it", "front desk"
_key_name = _text(texts.clean_name, f"be text that is {texts.NAME_RULE}", *_said, _lengths)
_said = "The name of a plan that is set", "premium"
_any_text = _text(lambda sent: sent if isinstance(sent, str) else None, "be a text", *_said, {})
_days = number_rule(1, keys.LONGEST_LIFETIME_DAYS, "Days until it ends")
_limit = number_rule(1, keys.LARGEST_KEY_LIMIT, "Requests a minute, fewer than the plan allows")
_minutes = number_rule(0, keys.LONGEST_GRACE_MINUTES, "Minutes for which the old key still works")


class RegistrationBody(Sent):
    """Who wants an account."""

    username: Annotated[str, _username]
    password: Annotated[str, _first_password, AfterValidator(_differing)]
    email: Annotated[str, _email]


class LoginBody(Sent):
    """A name and a password that claim to belong together; only the right ones are right."""

    username: Annotated[str, _claimed_name]
    password: Annotated[str, _claimed_password]

    @property
    def login(self) -> texts.Login:
        return texts.Login(self.username, self.password)


class PasswordChangeBody(LoginBody):
    """A login, and the password that is to take its password's place."""

    new_password: Annotated[str, _next_password, AfterValidator(_differing)]


class DeletionBody(Sent):
    """The password again, of the account that is to go."""

    password: Annotated[str, _claimed_password]


class KeyWishBody(Sent):
    """What somebody wants of a new key: no name, end or limit, where nothing is said of them."""

    is_optional = True

    name: Annotated[str | None, replace(_key_name, is_nullable=True)] = None
    expires_days: Annotated[int | None, replace(_days, is_nullable=True)] = None
    limit: Annotated[int | None, replace(_limit, is_nullable=True)] = None

    @classmethod
    def read_form(cls, fields: Mapping[str, str]) -> Self:
        """Read the fields of a page's form, where an empty one says nothing."""
        said: dict[str, object] = {name: text for name, text in fields.items() if text.strip()}
        for name in ("expires_days", "limit"):
            number = texts.find_number(fields.get(name, "").strip(), 0, keys.LARGEST_KEY_LIMIT)
            said |= {} if number is None else {name: float(number)}
        return cls.accept(said)

    @property
    def lifetime(self) -> timedelta | None:
        return None if self.expires_days is None else timedelta(days=self.expires_days)


class RotationWishBody(Sent):
    """How long the old key still works."""

    is_optional = True

    grace_minutes: Annotated[int | None, replace(_minutes, is_nullable=True)] = None


class PlanChangeBody(Sent):
    """Which plan an account is to be on."""

    plan: Annotated[str, _any_text]


class AccountWishBody(Sent):
    """Whose account is to be made, and on which plan."""

    username: Annotated[str, _username]
    plan: Annotated[str, _any_text] = "freemium"


class AccountAnswer(TypedDict):
    """The account."""

    username: Annotated[str, about("The account's name", "natalia")]
    email: Annotated[str | None, about("Null where none was given", "natalia@example.org")]
    plan: Annotated[str, about("The account's plan", "freemium")]
    requests_per_minute: Annotated[int, about("What the plan allows", 5, ge=1)]
    active_keys: Annotated[Count, about("Keys that have not ended", 1)]
    operator: Annotated[bool, about("Whether the account may do what operators may")]
    created_at: Annotated[datetime, about("When it was made")]


def account_answer(
    account: AccountRecord, plans: Mapping[str, int], shape: Callable[..., Shape]
) -> Shape:
    limit, is_operator = limit_of(account.plan, plans), account.is_operator
    given = {"username": account.name, "requests_per_minute": limit, "operator": is_operator}
    return shown(shape, account, **given)


class DayAnswer(TypedDict):
    """The calls of one day."""

    day: Annotated[date, about("The day, UTC")]
    calls: Annotated[Count, about("Calls that the limit has counted")]


_thirty = about("The oldest first", min_length=SHOWN_DAYS, max_length=SHOWN_DAYS)


class AccountInUseAnswer(AccountAnswer):
    """The account, and its use."""

    used_this_minute: Annotated[Count, about("Calls that the current minute has counted", 2)]
    calls_by_day: Annotated[list[DayAnswer], _thirty]


class TokensAnswer(TypedDict):
    """The tokens."""

    access_token: Annotated[str, about("For `Authorization`", "eyJhbGciOiJIUzI1NiJ9.access.sig")]
    refresh_token: Annotated[str, about("For `POST /refresh`", "eyJhbGciOiJIUzI1NiJ9.refresh.sig")]
    token_type: Annotated[Literal["Bearer"], about("How the access token is sent")]
    expires_in: Annotated[int, about("Seconds of the access token", 900)]


def tokens_answer(tokens: TokenPair) -> TokensAnswer:
    lifetime = tokens.expires_in_seconds
    return shown(TokensAnswer, tokens, token_type="Bearer", expires_in=lifetime)  # noqa: S106 - its kind


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
    limit: Annotated[int | None, about("Requests a minute; null without one of its own", 3, ge=1)]


def key_answer(key: KeyRecord, now: datetime) -> KeyAnswer:
    return shown(KeyAnswer, key, status=key.status(now))


class KeysAnswer(TypedDict):
    """The keys."""

    items: Annotated[list[KeyAnswer], about("The oldest first, ended ones too")]


_key_example = "crk_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
_key_pattern = f"^{keys.PREFIX}[0-9A-Za-z]{{{keys.KEY_CHARACTERS - len(keys.PREFIX)}}}$"


class NewKeyAnswer(KeyAnswer):
    """The key: nothing shows it again."""

    key: Annotated[str, about("Shown now and never again", _key_example, pattern=_key_pattern)]


def new_key_answer(minted: MintedKey, now: datetime) -> NewKeyAnswer:
    return {"key": minted.key, **key_answer(minted.record, now)}


class RotatedKeyAnswer(NewKeyAnswer):
    """The new key, and when the old one ends."""

    replaces: Annotated[KeyAnswer, about("The old key")]
