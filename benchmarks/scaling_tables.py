"""The tables of docs/scaling.md that come from measurements, as lines of Markdown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.arithmetic import FREEMIUM, PROCESSES, costs_of, deployment
from benchmarks.request_cost import LATENCY, PARTS, PROCESSOR, REST, TOGETHER
from benchmarks.rows import figure, require_row, shown, table
from cardiorisk.store.memo import MOST_ENTRIES
from cardiorisk.store.store import WATCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.arithmetic import Costs
    from benchmarks.rows import Row

_LOG_DISK_GB = 100
_LIMITER_GB = 1


def request_table(rows: Sequence[Row]) -> list[str]:
    """Lay out what each part takes of a request's processor time."""
    whole = require_row(rows, PROCESSOR)
    named = [*PARTS, (TOGETHER, ""), (REST, ""), (PROCESSOR, ""), (LATENCY, "")]
    cells = []
    for name, parameter in named:
        row = require_row(rows, name, parameter)
        spread = f"{figure(row.low)} to {figure(row.high)}"
        share = "" if name == LATENCY else f"{row.median / whole.median:.1%}"
        cells.append((_named(row), figure(row.median), spread, share))
    return _lines(("part", "µs, median", "low to high", "share"), cells)


def deployment_table(rows: Sequence[Row]) -> list[str]:
    """Lay out one process to a thousand."""
    costs = costs_of(rows)
    titles = (
        "processes = cores",
        "requests/s",
        f"accounts at {FREEMIUM} a minute",
        "accounts at 50 a minute",
        "memory, GB",
        "limiters, MB",
        "databases, GB",
        "bitácoras, GB a day",
    )
    cells = []
    for processes in PROCESSES:
        made = deployment(costs, processes)
        numbers = (
            made.requests_a_second,
            made.freemium_accounts,
            made.premium_accounts,
            made.memory_gb,
            made.limiter_mb,
            made.keys_gb,
            made.log_gb_a_day,
        )
        cells.append((shown(processes), *(figure(number) for number in numbers)))
    return _lines(titles, cells)


def limits_table(rows: Sequence[Row]) -> list[str]:
    """Lay out where each thing ends, those that one process meets first at the top."""
    costs = costs_of(rows)
    cells = [(what, ends(costs), instead) for what, ends, instead in _LIMITS]
    return _lines(("what", "where it ends", "what takes over"), cells)


def measured_table(rows: Sequence[Row]) -> list[str]:
    """Lay out everything that was measured."""
    return table(rows)


def _core(costs: Costs) -> str:
    return f"{figure(costs.most_a_second)} requests/s fill the one core that a process can use"


def _log_disk(costs: Costs) -> str:
    days = _LOG_DISK_GB / costs.log_gb_a_day
    return (
        f"{figure(costs.log_gb_a_day)} GB a day at the planned load: "
        f"{_LOG_DISK_GB} GB last {figure(days)} days"
    )


def _log_statistics(costs: Costs) -> str:
    minutes = costs.lines_a_day / costs.summed_lines_a_second / 60
    return (
        f"`cardiorisk log stats` reads {figure(costs.summed_lines_a_second)} lines/s: "
        f"{figure(minutes)} minutes for such a day"
    )


def _memo(costs: Costs) -> str:
    return (
        f"{MOST_ENTRIES:,} keys in use within a minute, {MOST_ENTRIES // 60} requests/s if each "
        f"asks once; where none is in it, a look-up of {figure(costs.miss_us)} µs "
        f"leaves {figure(costs.missed_a_second)} requests/s"
    )


def _shared_file(costs: Costs) -> str:
    processes = 60 / WATCH_SECONDS / costs.drops_a_flush
    return (
        "each process writes last uses once a minute, and every write empties the memos of the "
        f"others, {figure(costs.drops_a_flush)} times a minute where its own is full: with "
        f"{figure(processes)} processes, at every look of theirs"
    )


def _last_uses(costs: Costs) -> str:
    keys = 60e6 / costs.use_us
    return f"{figure(keys)} keys in use within a minute, at {figure(costs.use_us)} µs a key"


def _kept(costs: Costs) -> str:
    return f"{figure(1e6 / costs.keep_us)} a second, one transaction and one sync each"


def _limiter(costs: Costs) -> str:
    accounts = _LIMITER_GB * 1e9 / costs.account_bytes
    return (
        f"{_LIMITER_GB} GB at {figure(accounts)} accounts in one minute, "
        f"so at {figure(accounts / 60)} requests/s and more"
    )


def _network(costs: Costs) -> str:
    return f"{figure(costs.assessed_rows_a_second)} patients/s in batches of 1,024, litert"


_LIMITS: tuple[tuple[str, Callable[[Costs], str], str], ...] = (
    ("one core", _core, "more processes, accounts shared out among them"),
    (
        "connections",
        lambda _: (
            "65,472 a process, or the hard limit of open files less 64; \
further ones are refused"
        ),
        "a proxy that keeps a few open; `LimitNOFILE=` of the unit",
    ),
    ("memo of keys", _memo, "SQLite, correctly but slower; then more processes"),
    ("disk of the bitácora", _log_disk, "rotation, compression, carrying it away"),
    ("reading the bitácora", _log_statistics, "`--since`, `/metrics`, a log store"),
    ("one database for several processes", _shared_file, "a database for each process"),
    ("SQLite's writer: last uses", _last_uses, "a database for each process"),
    ("SQLite's writer: kept assessments", _kept, "a database for each process"),
    ("memory of the limiter", _limiter, "nothing need: the core ends long before"),
    ("the network", _network, "nothing need: the core ends long before"),
)


def _named(row: Row) -> str:
    return f"{row.name} ({shown(row.parameter)})" if row.parameter != "" else row.name


def _lines(titles: Sequence[str], cells: Iterable[Sequence[str]]) -> list[str]:
    rule = "|".join(["---"] * len(titles))
    return [f"| {' | '.join(titles)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in cells)]
