"""What the service's memory does over a million requests.

    .venv/bin/python -m benchmarks.endurance [--requests 1000000]

The first twentieth is the warm-up: pools, memos and free lists fill once. From there on, the
memory of the process is noted after every burst, and the growth is what the last one has more than
the first. It runs alone, since it takes minutes and would slow the others down.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.compare import BODY
from benchmarks.contestants import CONTESTANTS
from benchmarks.generators import Question, find_generator
from benchmarks.running import start

RESULTS = Path(__file__).parent / "results" / "endurance.json"
CONNECTIONS = 32
BURST_SECONDS = 10
WARM_UP_SHARE = 0.05


def measure(requests: int, burst_seconds: int) -> dict[str, object]:
    """Ask so many times, and return the memory (MB) after so many good answers and the failures."""
    litert = next(each for each in CONTESTANTS if each.name == "litert")
    generator = find_generator()
    answered = failed = 0
    memory: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        server = start(litert, 8890, Path(directory), Path(directory, "none.onnx"), BODY)
        try:
            question = Question(f"http://127.0.0.1:{server.port}/service", server.headers, BODY)
            # A server that answers nothing would be asked for ever.
            while answered < requests and failed <= requests:
                load = generator.ask(question, CONNECTIONS, burst_seconds)
                answered += load.requests - load.refused
                failed += load.refused + load.socket_errors + (load.requests == 0) * requests
                if answered >= requests * WARM_UP_SHARE:
                    memory.append((answered, round(server.memory_mb(), 3)))
                    print(f"{answered} answered, {failed} failed: {memory[-1][1]} MB", flush=True)
        finally:
            server.stop()
    return {"generator": generator.name, "failed": failed, "memory_mb": memory}


def main() -> None:
    """Measure, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000, help="good answers to wait for")
    parser.add_argument("--seconds", type=int, default=BURST_SECONDS, help="of each burst")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go")
    given = parser.parse_args()
    figures = measure(given.requests, given.seconds)
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(json.dumps(figures) + "\n")
    print(f"Wrote {given.output}")


if __name__ == "__main__":
    main()
