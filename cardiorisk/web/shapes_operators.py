"""The shapes of what operators ask, and are shown of the service and of everybody's accounts."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, NotRequired, Self

from pydantic import with_config
from typing_extensions import TypedDict

from cardiorisk.accounts import operated
from cardiorisk.bitacora.entry import timestamp
from cardiorisk.bitacora.reader import Line
from cardiorisk.config import VERSION
from cardiorisk.errors import InvalidQuery
from cardiorisk.identity.forms import LARGEST_NUMBER
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.model.drift import Drift, Verdict
from cardiorisk.monitoring import log_watch
from cardiorisk.monitoring.log_watch import DriftReport
from cardiorisk.monitoring.metrics import MINUTES, Minute
from cardiorisk.monitoring.overview import Overview, Stretch
from cardiorisk.store.values import AccountRecord
from cardiorisk.web.shapes import Count, Json, Rule, Sent, about, parameter_rule, shown
from cardiorisk.web.shapes_accounts import AccountAnswer, KeyAnswer, NewKeyAnswer, account_answer

_MOMENT: Json = {"format": "date-time"}
_DECIMALS = 4
LONGEST_TEXT = 254
"""Characters: as many as an e-mail address may have."""
_FIRST_FAILURE = 500


def _read_text(sent: str) -> str | None:
    text = sent.strip()
    return text if len(text) <= LONGEST_TEXT and not may_hold_key(text) else None


def _text(description: str) -> Rule:
    return Rule(
        _read_text,
        f"have at most {LONGEST_TEXT} characters and be no whole key (its first ten do)",
        {"type": "string", "maxLength": LONGEST_TEXT, "description": description},
    )


_described: Json = {"type": "string", "description": "A status, or all of a class"}
_status = Rule(
    log_watch.find_status,
    "be a status, as 429, or a class, as 4xx",
    _described | {"pattern": log_watch.STATUS_PATTERN},
)


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
    key: Annotated[str | None, _text("The id of a key; an access token's begins with `jwt_`")] = (
        None
    )
    account: Annotated[
        str | None,
        _text("The name of an account: the lines of its keys; its tokens have ids of their own"),
    ] = None
    limit: Annotated[int, parameter_rule(1, log_watch.MOST_LINES, "How many lines at most")] = (
        log_watch.DEFAULT_LINES
    )

    @property
    def query(self) -> log_watch.LogQuery:
        return log_watch.LogQuery(**dict(self))


class AccountParameters(_Parameters):
    """Which accounts are wanted."""

    search: Annotated[
        str, _text("Part of a name or an address, the id of a key, or the characters shown of one")
    ] = ""
    after: Annotated[int, parameter_rule(0, LARGEST_NUMBER, "The number to go on after")] = 0
    limit: Annotated[int, parameter_rule(1, operated.MOST_ACCOUNTS, "How many at most")] = (
        operated.DEFAULT_ACCOUNTS
    )

    @property
    def query(self) -> operated.AccountQuery:
        return operated.AccountQuery(self.search, self.after, self.limit)


@with_config(extra="allow")  # of another version of the service
class LogLineAnswer(TypedDict):
    """A line as it stands in the log, without the patient's values."""

    v: Annotated[Literal[1], about("Version of the line's form")]
    ts: Annotated[str, about("When the request arrived", json_schema_extra=_MOMENT)]
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


class MinuteAnswer(TypedDict):
    """Requests of a minute, those over a limit, and those answered with 5xx."""

    starts_at: Annotated[datetime, about("When it began")]
    requests: Annotated[Count, about("All requests")]
    refusals: Annotated[Count, about("Those over a limit")]
    failures: Annotated[Count, about("Those answered with 5xx")]


class StageAnswer(TypedDict):
    """How long a stage took, in milliseconds."""

    count: Annotated[Count, about("How often it was passed", 7)]
    p50: Annotated[float, about("Half took less", 0.61, ge=0)]
    p90: Annotated[float, about("Nine in ten took less", 1.8, ge=0)]
    p99: Annotated[float, about("99 in 100 took less", 2.3, ge=0)]


class StretchAnswer(TypedDict):
    """What happened in some minutes."""

    requests: Annotated[Count, about("All requests", 7)]
    by_status: Annotated[dict[str, Count], about("Requests by status", {"200": 5, "429": 2})]
    refusals_by_plan: Annotated[dict[str, Count], about("Over a limit", {"freemium": 2})]
    stages_ms: Annotated[dict[str, StageAnswer], about("How long each stage took")]


class DriftAnswer(TypedDict):
    """The population stability index of recent values against the training's."""

    name: Annotated[str, about("The value's name", "probabilidad")]
    rows: Annotated[Count, about("Recent rows that had it")]
    psi: Annotated[float | None, about("The index; null where rows are too few")]
    verdict: Annotated[Verdict, about("The index in a word")]


class DriftReportAnswer(TypedDict):
    """How recent answers differ from the training."""

    computed_at: Annotated[str, about("When it was computed", json_schema_extra=_MOMENT)]
    answers: Annotated[Count, about("Newest answers that were looked at", 5)]
    other_networks: Annotated[Count, about("Answers of other networks, which do not count")]
    score: Annotated[DriftAnswer, about("Of the probability")]
    fields: Annotated[list[DriftAnswer], about("Of each value")]


class MemoAnswer(TypedDict):
    """The memory of credentials."""

    hits: Annotated[Count, about("Look-ups that it answered")]
    refusals: Annotated[Count, about("Look-ups that it refused")]
    misses: Annotated[Count, about("Look-ups that the database answered")]
    known: Annotated[Count, about("Valid credentials in it")]
    refused: Annotated[Count, about("Refused credentials in it")]


class WritingAnswer(TypedDict):
    """The request log."""

    lines: Annotated[Count, about("Lines written")]
    failures: Annotated[Count, about("Lines that could not be written")]


class OverviewAnswer(TypedDict):
    """One look."""

    at: Annotated[str, about("When", json_schema_extra=_MOMENT)]
    version: Annotated[str, about("Of the service", VERSION)]
    modelo: Annotated[str | None, about("The network that answers; null while none is loaded")]
    minutes: Annotated[
        list[MinuteAnswer], about("Clock minutes, the running one last", length=MINUTES)
    ]
    last_5_minutes: Annotated[StretchAnswer, about("The last five minutes")]
    last_hour: Annotated[StretchAnswer, about("The last hour")]
    open_requests: Annotated[Count, about("Requests without an answer yet, this one included", 1)]
    waiting_patients: Annotated[Count, about("Patients who wait for the network")]
    active_accounts: Annotated[Count, about("Accounts that drew on their limit this minute", 1)]
    memo: Annotated[MemoAnswer, about("The memory of credentials")]
    bitacora: Annotated[WritingAnswer, about("The request log")]
    drift: Annotated[
        DriftReportAnswer | None, about("Null while no network is loaded or the log cannot be read")
    ]


def overview_answer(overview: Overview) -> OverviewAnswer:
    memo = overview.memo
    return shown(
        OverviewAnswer,
        overview,
        at=timestamp(overview.at_seconds),
        version=VERSION,
        modelo=overview.model_version,
        minutes=[_minute(minute) for minute in overview.minutes],
        last_5_minutes=_stretch(overview.recent),
        last_hour=_stretch(overview.hour),
        memo=shown(MemoAnswer, memo, known=memo.entries, refused=memo.refused_entries),
        bitacora={"lines": overview.lines_written, "failures": overview.write_failures},
        drift=None if overview.drift is None else _drift_report(overview.drift),
    )


def _minute(minute: Minute) -> MinuteAnswer:
    by_status = minute.counts.by_status
    return {
        "starts_at": datetime.fromtimestamp(minute.starts_at_seconds, UTC),
        "requests": minute.counts.requests,
        "refusals": sum(minute.counts.refusals.values()),
        "failures": sum(count for status, count in by_status.items() if status >= _FIRST_FAILURE),
    }


def _stretch(stretch: Stretch) -> StretchAnswer:
    by_status = sorted(stretch.counts.by_status.items())
    return {
        "requests": stretch.counts.requests,
        "by_status": {str(status): count for status, count in by_status},
        "refusals_by_plan": dict(sorted(stretch.counts.refusals.items())),
        "stages_ms": {
            times.stage: {
                "count": times.count,
                "p50": round(times.p50_ms, _DECIMALS),
                "p90": round(times.p90_ms, _DECIMALS),
                "p99": round(times.p99_ms, _DECIMALS),
            }
            for times in stretch.stages
        },
    }


def _drift_report(report: DriftReport) -> DriftReportAnswer:
    score, *fields = (_drift(found) for found in report.drifts)
    moment = timestamp(report.computed_at_seconds)
    return shown(DriftReportAnswer, report, computed_at=moment, score=score, fields=fields)


def _drift(found: Drift) -> DriftAnswer:
    psi = None if found.index is None else round(found.index, _DECIMALS)
    return shown(DriftAnswer, found, psi=psi)


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
