"""Scoring a CSV file block by block.

The lines of a plain block are copied, which is quicker, and the added cells put at their end.
Blocks with quotation marks or rows of the wrong length are read and written cell by cell.
"""

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import BufferedIOBase, BytesIO
from typing import BinaryIO

import numpy as np
import pandas as pd

from cardiorisk.patients.table import patient_columns
from cardiorisk.scoring.csv_blocks import CsvBlocks, Row, is_regular, read_rows, write_rows
from cardiorisk.scoring.scorer import MILLIONTHS, BadRow, Progress, Scorer, Scores, output_names


def score_csv(source: BufferedIOBase, sink: BinaryIO, scorer: Scorer) -> Iterator[Progress]:
    """Score a CSV file; each step of the iteration does a block."""
    blocks = CsvBlocks(source)
    patient_columns(blocks.names)
    mark = BOM_UTF8 if blocks.has_mark else b""
    sink.write(mark + write_rows([output_names(blocks.names)]))
    for block in blocks.blocks():
        score_block = _score_plain if is_regular(block, len(blocks.names)) else _score_by_cell
        written, progress = score_block(block, blocks.names, scorer, blocks.line)
        sink.write(written)
        yield progress


def _score_plain(
    block: bytes, names: Sequence[str], scorer: Scorer, first_line: int
) -> tuple[bytes, Progress]:
    columns = patient_columns(names)
    places = [names.index(column) for column in columns]
    frame = pd.read_csv(
        BytesIO(block),
        header=None,
        names=range(len(names)),
        usecols=places,
        index_col=False,
        quoting=csv.QUOTE_NONE,
        skip_blank_lines=False,
        low_memory=False,
        encoding_errors="replace",
    )[places]
    scores = scorer.score(frame.set_axis(columns, axis="columns"))
    lines = block.split(b"\n")
    rows = len(lines) - 1
    pieces: list[bytes] = [b""] * (2 * rows)
    pieces[::2] = lines[:rows]
    pieces[1::2] = _endings(scores)
    bad_rows = [BadRow(first_line + row, reason) for row, reason in scores.reasons.items()]
    return b"".join(pieces), Progress(len(block), rows, bad_rows, scores.outside_training)


def _endings(scores: Scores) -> list[bytes]:
    """Return what is added to each line, its end included; few different ones are usual."""
    different, places = np.unique(scores.millionths, return_inverse=True)
    is_at_risk = np.zeros(len(different), dtype=np.bool_)
    is_at_risk[places] = scores.at_risk
    texts = [
        f",{_decimal(int(number))},{int(at_risk)},\n".encode()
        for number, at_risk in zip(different, is_at_risk, strict=True)
    ]
    endings = [texts[place] for place in places.tolist()]
    for row, reason in scores.reasons.items():
        endings[row] = b"," + write_rows([["", "", reason]])
    return endings


def _score_by_cell(
    block: bytes, names: Sequence[str], scorer: Scorer, first_line: int
) -> tuple[bytes, Progress]:
    rows = read_rows(block, first_line)
    wrong_lengths = {
        number: _wrong_length(row, len(names))
        for number, row in enumerate(rows)
        if len(row.cells) != len(names)
    }
    padded = [
        (row.cells + [""] * len(names))[: len(names)] if number in wrong_lengths else row.cells
        for number, row in enumerate(rows)
    ]
    columns = patient_columns(names)
    places = [names.index(column) for column in columns]
    frame = pd.DataFrame(
        {
            column: pd.Series([_encodable(cells[place]) for cells in padded], dtype="str")
            for column, place in zip(columns, places, strict=True)
        }
    )
    scores = scorer.score(frame, wrong_lengths)
    written = write_rows([cells + _added(scores, number) for number, cells in enumerate(padded)])
    bad_rows = [
        BadRow(first_line + rows[number].line, reason) for number, reason in scores.reasons.items()
    ]
    return written, Progress(len(block), len(rows), bad_rows, scores.outside_training)


def _wrong_length(row: Row, expected: int) -> str:
    surplus = row.cells[expected:]
    reason = f"has {len(row.cells)} cells where the header has {expected}"
    return f"{reason}; left out: {', '.join(surplus)}" if surplus else reason


def _added(scores: Scores, row: int) -> list[str]:
    if row in scores.reasons:
        return ["", "", scores.reasons[row]]
    return [_decimal(int(scores.millionths[row])), str(int(scores.at_risk[row])), ""]


@lru_cache(maxsize=4096)  # nearly all answers are close to 0 or 1
def _decimal(millionths: int) -> str:
    whole, rest = divmod(millionths, MILLIONTHS)
    return f"{whole}.{rest:06d}"


def _encodable(cell: str) -> str:
    """Return a cell as pandas can hold it; what is not UTF-8 is no number either way."""
    return cell if cell.isascii() else cell.encode("utf-8", "replace").decode()
