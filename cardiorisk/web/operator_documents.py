"""What operators are shown of the service, as JSON documents; it asks nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cardiorisk.bitacora.entry import timestamp
from cardiorisk.version import VERSION

if TYPE_CHECKING:
    from cardiorisk.bitacora.reader import Line, Newest
    from cardiorisk.model.drift import Drift
    from cardiorisk.monitoring.last_hour import Minute
    from cardiorisk.monitoring.log_watch import DriftReport
    from cardiorisk.monitoring.overview import Overview, Stretch

_DECIMALS = 4
_FIRST_FAILURE = 500


def overview_document(overview: Overview) -> dict[str, Any]:
    """Write one look at the service."""
    memo = overview.memo
    return {
        "at": timestamp(overview.at_seconds),
        "version": VERSION,
        "modelo": overview.model_version,
        "minutes": [_minute(minute) for minute in overview.minutes],
        "last_5_minutes": _stretch(overview.recent),
        "last_hour": _stretch(overview.hour),
        "open_requests": overview.open_requests,
        "waiting_patients": overview.waiting_patients,
        "active_accounts": overview.active_accounts,
        "memo": {
            "hits": memo.hits,
            "refusals": memo.refusals,
            "misses": memo.misses,
            "known": memo.entries,
            "refused": memo.refused_entries,
        },
        "bitacora": {"lines": overview.lines_written, "failures": overview.write_failures},
        "drift": None if overview.drift is None else _drift_report(overview.drift),
    }


def log_document(found: Newest) -> dict[str, Any]:
    """Write what a search of the log has found, the newest first."""
    return {
        "items": line_documents(found.lines),
        "searched_bytes": found.searched_bytes,
        "exhaustive": found.is_exhaustive,
    }


def line_documents(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """Write lines as they stand in the log, but for the patients' values: they are health data."""
    documents: list[dict[str, Any]] = []
    for line in lines:
        document: dict[str, Any] = json.loads(line.text)
        document.pop("inputs", None)
        documents.append(document)
    return documents


def _minute(minute: Minute) -> dict[str, Any]:
    by_status = minute.counts.by_status
    return {
        "starts_at": datetime.fromtimestamp(minute.starts_at_seconds, UTC).isoformat(),
        "requests": minute.counts.requests,
        "refusals": sum(minute.counts.refusals.values()),
        "failures": sum(count for status, count in by_status.items() if status >= _FIRST_FAILURE),
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
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


def _drift_report(report: DriftReport) -> dict[str, Any]:
    score, *fields = (_drift(found) for found in report.drifts)
    return {
        "computed_at": timestamp(report.computed_at_seconds),
        "answers": report.answers,
        "other_networks": report.other_networks,
        "score": score,
        "fields": fields,
    }


def _drift(found: Drift) -> dict[str, Any]:
    return {
        "name": found.name,
        "rows": found.rows,
        "psi": None if found.index is None else round(found.index, _DECIMALS),
        "verdict": found.verdict,
    }
