"""Partitions that Dask scores in two processes are byte for byte what ``score`` writes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from threading import Thread
from typing import IO

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv

import cardiorisk

ROWS, PARTITIONS = 10_000_000, 40


def made(number: int) -> pd.DataFrame:
    """Make a partition; one row in a thousand cannot be assessed."""
    random = np.random.default_rng(number)
    rows = ROWS // PARTITIONS
    frame = pd.DataFrame(
        {
            "Colesterol": random.uniform(1, 3, rows).round(2),
            "presión": random.uniform(0.6, 1.8, rows).round(1),
            "glucosa": random.uniform(0.5, 2, rows).round(2),
            "edad": random.integers(0, 100, rows),
            "sobrepeso": random.integers(0, 2, rows),
            "tabaquismo": random.integers(0, 2, rows),
        }
    )
    frame.loc[::2000, "edad"] = 140
    frame.loc[1::2000, "glucosa"] = np.nan
    return frame


def text_of(frame: pd.DataFrame) -> bytes:
    """Write rows as ``score`` does."""
    written = BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    csv.write_csv(table, written, options)
    return written.getvalue()


def digest(assessed: pd.DataFrame) -> pd.DataFrame:
    text = text_of(assessed.astype({"riesgo_cardiaco": "Int8"}))
    return pd.DataFrame({"length": [len(text)], "name": [sha256(text).hexdigest()]})


@pytest.fixture
def scored() -> Iterator[IO[bytes]]:
    """Give what ``score`` writes of the same rows, while it reads them."""
    header = "\t".join(made(0).columns).encode() + b"\n"
    command = [sys.executable, "-m", "cardiorisk", "score", "-", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        sink = run.stdin

        def feed() -> None:
            with sink:
                sink.write(header)
                for number in range(PARTITIONS):
                    sink.write(text_of(made(number)))

        feeder = Thread(target=feed)
        feeder.start()
        assert run.stdout.readline().startswith(header.strip() + b"\tprobabilidad\t")
        yield run.stdout
        assert run.stdout.read(1) == b""  # of more a failure would show all
        feeder.join()
    assert run.returncode == 0


def test_two_processes_of_dask_give_byte_for_byte_what_score_gives(scored: IO[bytes]) -> None:
    assessed = dd.from_map(made, range(PARTITIONS)).map_partitions(cardiorisk.predict)
    fused = assessed.map_partitions(digest).optimize()  # no partition travels between processes
    digests = fused.compute(scheduler="processes", num_workers=2)
    assert len(digests) == PARTITIONS
    for length, name in digests.itertuples(index=False):
        assert sha256(scored.read(length)).hexdigest() == name
