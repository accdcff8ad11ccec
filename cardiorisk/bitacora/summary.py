"""What a log adds up to."""

import math
from collections import Counter

from cardiorisk.bitacora.entry import Entry
from cardiorisk.measuring import Histogram

REFUSAL_STATUSES = frozenset({401, 403, 413, 429, 503})  # for who asked, how often or how much
RELATIVE_ERROR = 0.01  # of a percentile: the width of a bucket
# From half of the last decimal that is written to eleven days.
_BOUNDS_MS = (0.0, *(0.0005 * (1 + RELATIVE_ERROR) ** step for step in range(2850)))


class Summary:
    def __init__(self) -> None:
        self.requests = 0
        self.refusals = 0
        self.by_status: Counter[int] = Counter()
        self.by_code: Counter[str] = Counter()
        self.by_plan: Counter[str] = Counter()
        self.first_ts_seconds = math.inf
        self.last_ts_seconds = -math.inf
        self._by_stage_ms: dict[str, Histogram] = {}

    def add(self, entry: Entry) -> None:
        self.first_ts_seconds = min(self.first_ts_seconds, entry.ts_seconds)
        self.last_ts_seconds = max(self.last_ts_seconds, entry.ts_seconds)
        self.requests += 1
        self.refusals += entry.status in REFUSAL_STATUSES
        self.by_status[entry.status] += 1
        if entry.code is not None:
            self.by_code[entry.code] += 1
        if entry.plan is not None:
            self.by_plan[entry.plan] += 1
        for stage, ms in entry.timings_ms.items():
            if stage not in self._by_stage_ms:
                self._by_stage_ms[stage] = Histogram(_BOUNDS_MS)
            self._by_stage_ms[stage].add(ms)

    def stages_ms(self) -> list[tuple[str, Histogram]]:
        """In the order in which they came, total last."""
        return sorted(self._by_stage_ms.items(), key=lambda stage: stage[0] == "total")

    def requests_per_minute(self) -> float | None:
        """Between the first and the last arrival; None where they are one."""
        span_seconds = self.last_ts_seconds - self.first_ts_seconds
        return self.requests * 60 / span_seconds if span_seconds > 0 else None
