"""From what was measured of one process to what a thousand of them do: multiplications only.

Pure. The surprise: nothing here was measured on more than one machine. Every figure is a product
of one process's costs, so it holds only as far as processes share nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.growth import KEY_BYTES, LIMITER_BYTES, LINE_BYTES, LOG_STATISTICS
from benchmarks.micro_cases import BATCHES, FULL, MEMO_MISS, network
from benchmarks.request_cost import MEMORY, PROCESSOR
from benchmarks.rows import require_row
from benchmarks.writer_cases import KEEP, LAST_USES, USES_A_TRANSACTION
from cardiorisk.store.memo import MOST_ENTRIES
from cardiorisk.store.store import WATCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rows import Row

PROCESSES = (1, 2, 10, 100, 1000)
PLANNED_LOAD = 0.6
"""Share of a core that is planned for; the rest is for bursts and for what was not measured."""
FREEMIUM, PREMIUM = 5, 50
"""Requests a minute of the two plans."""
SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Costs:
    """What one process and its parts cost, as measured."""

    request_us: float
    miss_us: float
    line_bytes: float
    account_bytes: float
    key_bytes: float
    process_mb: float
    use_us: float
    keep_us: float
    summed_lines_a_second: float
    assessed_rows_a_second: float

    @property
    def most_a_second(self) -> float:
        """Requests a second that fill one core."""
        return 1e6 / self.request_us

    @property
    def planned_a_second(self) -> float:
        """Requests a second that one process is planned for."""
        return PLANNED_LOAD * self.most_a_second

    @property
    def missed_a_second(self) -> float:
        """Requests a second that fill one core where no key is in the memo."""
        return 1e6 / (self.request_us + self.miss_us)

    @property
    def lines_a_day(self) -> float:
        """Lines that one process writes in a day of its planned load."""
        return self.planned_a_second * SECONDS_A_DAY

    @property
    def log_gb_a_day(self) -> float:
        """Gigabytes of them."""
        return self.lines_a_day * self.line_bytes / 1e9

    @property
    def drops_a_flush(self) -> float:
        """Times that the watch of another process finds a full memo's last uses being written."""
        return max(1.0, MOST_ENTRIES * self.use_us / 1e6 / WATCH_SECONDS)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Many processes that share nothing, each on a core of its own, at their planned load."""

    processes: int
    requests_a_second: float
    freemium_accounts: float
    premium_accounts: float
    memory_gb: float
    limiter_mb: float
    keys_gb: float
    log_gb_a_day: float


def costs_of(rows: Sequence[Row]) -> Costs:
    """Take the costs out of what was measured, growing ones at their largest size.

    Raises:
        SystemExit: one of them was not measured.
    """

    def median(name: str, parameter: int | str = "") -> float:
        return require_row(rows, name, parameter).median

    lines = max(FULL.log_lines)
    return Costs(
        request_us=median(PROCESSOR),
        miss_us=median(MEMO_MISS, max(FULL.keys)),
        line_bytes=median(LINE_BYTES),
        account_bytes=median(LIMITER_BYTES, max(FULL.accounts)),
        key_bytes=median(KEY_BYTES, max(FULL.keys)),
        process_mb=median(MEMORY, "litert"),
        use_us=median(LAST_USES, max(FULL.keys)) / USES_A_TRANSACTION,
        keep_us=median(KEEP, max(FULL.keys)),
        summed_lines_a_second=lines / median(LOG_STATISTICS, lines),
        assessed_rows_a_second=max(BATCHES) / median(network("litert"), max(BATCHES)) * 1e6,
    )


def deployment(costs: Costs, processes: int) -> Deployment:
    """Return what so many processes do; every account has one key and uses its whole plan."""
    requests_a_second = processes * costs.planned_a_second
    freemium_accounts = requests_a_second * 60 / FREEMIUM
    return Deployment(
        processes=processes,
        requests_a_second=requests_a_second,
        freemium_accounts=freemium_accounts,
        premium_accounts=requests_a_second * 60 / PREMIUM,
        memory_gb=processes * costs.process_mb / 1e3,
        limiter_mb=freemium_accounts * costs.account_bytes / 1e6,
        keys_gb=freemium_accounts * costs.key_bytes / 1e9,
        log_gb_a_day=processes * costs.log_gb_a_day,
    )
