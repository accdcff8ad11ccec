"""The shapes of what operators ask, and are shown of the service and of everybody's accounts."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal, NotRequired, Self

from pydantic import with_config
from typing_extensions import TypedDict

from cardiorisk.accounts import operated
from cardiorisk.bitacora.reader import Line
from cardiorisk.errors import InvalidQuery
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.identity.texts import LARGEST_NUMBER
from cardiorisk.monitoring import log_watch
from cardiorisk.store.values import AccountRecord
from cardiorisk.web.shapes import Count, Rule, Sent, about, number_rule
from cardiorisk.web.shapes_accounts import AccountAnswer, KeyAnswer, NewKeyAnswer, account_answer

LONGEST_TEXT = 254
"""Characters: as many as an e-mail address may have."""


def _read_text(sent: str) -> str | None:
    text = sent.strip()
    return text if len(text) <= LONGEST_TEXT and not may_hold_key(text) else None


def _text(description: str) -> Rule:
    return Rule(
        _read_text,
        f"have at most {LONGEST_TEXT} characters and be no whole key (its first ten do)",
        {"type": "string", "maxLength": LONGEST_TEXT, "description": description},
    )


_status = Rule(
    log_watch.find_status,
    "be a status, as 429, or a class, as 4xx",
    {"type": "string", "description": "A status, or all of a class"}
    | {"pattern": log_watch.STATUS_PATTERN},
)
_lines = number_rule(1, log_watch.MOST_LINES, "How many lines at most", is_text=True)
_accounts = number_rule(1, operated.MOST_ACCOUNTS, "How many at most", is_text=True)
_number = number_rule(0, LARGEST_NUMBER, "The number to go on after", is_text=True)
_key = _text("The id of a key; an access token's begins with `jwt_`")
_account = _text("The name of an account: the lines of its keys; its tokens have ids of their own")
_search = _text("Part of a name or an address, the id of a key, or the characters shown of one")


class _Parameters(Sent):
    """Parameters of a query string, of which an empty one is one that was not sent."""

    refusal = InvalidQuery
    is_all_text = True

    @classmethod
    def accept(cls, members: Mapping[str, object]) -> Self:
        return super().accept(
            {name: sent for name, sent in members.items() if sent or name not in cls.model_fields}
        )


class LogParameters(_Parameters):
    """Which lines of the log are wanted; what is not sent holds for every line."""

    status: Annotated[str | None, _status] = None
    route: Annotated[str | None, _text("A route's template, as it stands in the log")] = None
    code: Annotated[str | None, _text("The code of an error")] = None
    key: Annotated[str | None, _key] = None
    account: Annotated[str | None, _account] = None
    limit: Annotated[int, _lines] = log_watch.DEFAULT_LINES

    @property
    def query(self) -> log_watch.LogQuery:
        return log_watch.LogQuery(**dict(self))


class AccountParameters(_Parameters):
    """Which accounts are wanted."""

    search: Annotated[str, _search] = ""
    after: Annotated[int, _number] = 0
    limit: Annotated[int, _accounts] = operated.DEFAULT_ACCOUNTS

    @property
    def query(self) -> operated.AccountQuery:
        return operated.AccountQuery(self.search, self.after, self.limit)


@with_config(extra="allow")  # of another version of the service
class LogLineAnswer(TypedDict):
    """A line as it stands in the log, without the patient's values."""

    v: Annotated[Literal[1], about("Version of the line's form")]
    ts: Annotated[str, about("When the request arrived", json_schema_extra={"format": "date-time"})]
    request_id: Annotated[str, about("The request's name")]
    key_id: Annotated[str | None, about("The key's id; null where none was accepted")]
    plan: Annotated[str | None, about("The account's plan; null where no key was accepted")]
    method: Annotated[str, about("The method", "POST")]
    route: Annotated[str, about("The route's template", "/service")]
    status: Annotated[int, about("The answer's status", 429)]
    ip: Annotated[str, about("The caller's address; unix for a Unix socket", "127.0.0.1")]
    riesgo_cardiaco: Annotated[bool | None, about("The answer; null where none was given")]
    probabilidad: Annotated[float | None, about("Its probability; null where none was given")]
    modelo: Annotated[str | None, about("The network's version; null while none is loaded")]
    code: Annotated[str | None, about("The error's code; null where there was none")]
    timings_ms: Annotated[dict[str, float], about("Milliseconds by stage", {"total": 0.11})]
    filas: NotRequired[Annotated[int, about("How many patients a batch held", 1000)]]
    node: NotRequired[Annotated[str, about("The process that answered, where it has a name", "1")]]


class LogLinesAnswer(TypedDict):
    """The lines, the newest first."""

    items: Annotated[list[LogLineAnswer], about("The lines")]
    searched_bytes: Annotated[Count, about("How much of the log was looked at", 51200)]
    exhaustive: Annotated[bool, about("Whether there is nothing more before that")]


def lines_answer(lines: Iterable[Line]) -> list[LogLineAnswer]:
    """Show lines without the patients' values, which are health data."""
    told = [json.loads(line.text) for line in lines]
    for line in told:
        line.pop("inputs", None)
    return told


class OperatedAccountAnswer(AccountAnswer):
    """The account as operators see it, as it is now."""

    account_id: Annotated[int, about("Its number", 7, ge=1)]
    suspended_at: Annotated[datetime | None, about("Null where it is not suspended")]


def operated_account_answer(
    account: AccountRecord, plans: Mapping[str, int]
) -> OperatedAccountAnswer:
    return {
        "account_id": account.account_id,
        **account_answer(account, plans),
        "suspended_at": account.suspended_at,
    }


class OperatedAccountWithKeysAnswer(OperatedAccountAnswer):
    """The account as operators see it, with its keys."""

    keys: Annotated[list[KeyAnswer], about("Its keys, the oldest first")]


class NewAccountAnswer(OperatedAccountAnswer):
    """The account, and the key to register with: nothing shows it again."""

    new_key: Annotated[NewKeyAnswer, about("Its first key")]


class OperatedAccountsAnswer(TypedDict):
    """A page; send its `after` to get the next one, null means that there is none."""

    items: Annotated[list[OperatedAccountAnswer], about("By their numbers")]
    after: Annotated[int | None, about("Where the next page begins")]
