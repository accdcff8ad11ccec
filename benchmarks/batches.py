"""What batches of 1,000 patients cost, and what whoever else asks meanwhile notices of them.

python -m benchmarks.batches http://127.0.0.1:8888 KEY, against a service that is running, with a
key of a plan of millions a minute (CARDIORISK_PLANS=bench=100000000).
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

from benchmarks.load import BODY

SECONDS = 3.0
MANY = {"pacientes": [json.loads(BODY)] * 1000}


def ask_for(base: str, key: str, path: str, body: str, pause_seconds: float) -> list[float]:
    """Ask again and again; return the sorted milliseconds of each answer."""
    connection, times_ms = HTTPConnection(urlsplit(base).netloc), []
    end_s = time.perf_counter() + SECONDS
    while (began_s := time.perf_counter()) < end_s:
        connection.request("POST", path, body, {"Authorization": key})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise SystemExit(f"{path} answered {answer.status}")
        times_ms.append((time.perf_counter() - began_s) * 1000)
        time.sleep(pause_seconds)
    return sorted(times_ms)


def main() -> None:
    base, key = sys.argv[1:]
    one = (base, key, "/service", json.dumps(MANY["pacientes"][0]), 0.002)
    for batches in (0, 1, 2):
        with multiprocessing.Pool(2) as pool:
            batch = (base, key, "/service/lote", json.dumps(MANY), 0)
            asked = [pool.apply_async(ask_for, batch) for _ in range(batches)]
            times_ms = ask_for(*one)
            patients = sum(len(each.get()) for each in asked) * 1000 / SECONDS
        p50, p99 = times_ms[len(times_ms) // 2], times_ms[len(times_ms) * 99 // 100]
        print(
            f"{batches} callers of batches: {patients:,.0f} patients/s; "
            f"a caller of one waits p50 {p50:.2f}, p99 {p99:.2f} ms"
        )


if __name__ == "__main__":
    main()
