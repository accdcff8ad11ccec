"""What scoring writes: every row in its place, in the input's dialect, with what is said of it."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from cardiorisk.files.columns import Reading
from cardiorisk.files.table import open_table
from cardiorisk.identity.texts import harmless
from cardiorisk.patients.patient import FIELDS
from cardiorisk.scoring.output import score_table
from cardiorisk.scoring.scorer import Scorer

HEADER = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo"
GOOD, AT_RISK = "2.0,1.2,1.0,40,1,0", "2.0,1.2,1.0,40,1,1"
BAD = "2.0,1.2,1.0,140,1,0"
ADDED = "probabilidad,riesgo_cardiaco,advertencias,error"
AGE_FAULT = "edad is beyond 99 years"


def scored(scorer: Scorer, content: str | bytes, name: str = "out.csv") -> bytes:
    source, target = Path("in.csv"), Path(name)
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_table(source, FIELDS, Reading()) as table:
        list(score_table(table, target, scorer))
    return target.read_bytes()


def rows_of(written: bytes, encoding: str = "utf-8", separator: str = ",") -> list[list[str]]:
    return list(csv.reader(written.decode(encoding).splitlines(keepends=True), delimiter=separator))


def test_a_row_is_kept_and_what_is_said_of_it_added(scorer: Scorer) -> None:
    header, good, bad, outside = rows_of(
        scored(scorer, f"{HEADER}\n{AT_RISK}\n{BAD}\n{AT_RISK.replace('40', '99')}\n")
    )
    assert header == f"{HEADER},{ADDED}".split(",")
    assert (good[:6], good[7:]) == (AT_RISK.split(","), ["1", "", ""])
    assert float(good[6]) > 0.99
    assert bad == [*BAD.split(","), "", "", "", AGE_FAULT]
    assert outside[7:] == ["1", "edad is beyond what training saw, 0 to 98", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_output_opens_where_the_input_came_from(
    scorer: Scorer, encoding: str, line_end: str
) -> None:
    lines = ["sep=;", HEADER, GOOD, BAD]
    names = ["", "niño", '"a;""b"""', '"ñ\n"']
    text = "".join(
        f"{line.replace(',', ';').replace('.', ',')}{';' * bool(name)}{name}{line_end}"
        for line, name in zip(lines, names, strict=True)
    )
    written = scored(scorer, text.encode(encoding)).decode(encoding)
    first, header, good, *bad = written.split(line_end)
    assert (first, header) == ("sep=;", f"{HEADER};niño;{ADDED}".replace(",", ";"))
    assert good.startswith('2,0;1,2;1,0;40;1;0;"a;""b""";0,0') or good.endswith("0;;")
    assert line_end.join(bad) == f'2,0;1,2;1,0;140;1;0;"ñ\n";;;;{AGE_FAULT}{line_end}'


def test_bytes_that_are_no_text_survive(scorer: Scorer) -> None:
    filler = f"é,{GOOD}\n" * 20_000  # after which nobody looks for the encoding
    written = scored(scorer, f"n,{HEADER}\n{filler}".encode() + f"Jos\xe9,{BAD}".encode("latin-1"))
    assert written.endswith(f"Jos\xe9,{BAD},,,,{AGE_FAULT}\n".encode("latin-1"))
    written = scored(scorer, b"n\xe9\x81," + f"{HEADER}\n\x81,{BAD}\n".encode("latin-1"))
    assert written.startswith(b"n\xe9\x81,")
    assert b"\n\x81," in written


@pytest.mark.parametrize("note", ["=1+1", "Ana;=1+1", "@x", "x; +1-1", "-1+1", "\uff1d1", "\tx"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_no_cell_that_is_copied_is_a_formula_and_a_number_stays_one(
    scorer: Scorer, note: str, quote: str
) -> None:
    text = f"nota,z,{HEADER}\n{quote}{note}{quote},-1.50,{AT_RISK}\na-b,2026-11-22,{GOOD}\n"
    _, unsafe, safe = rows_of(scored(scorer, text))
    assert (unsafe[0], unsafe[1]) == (harmless(note), "-1.50")
    assert (harmless(note) == note, safe[:2]) == (False, ["a-b", "2026-11-22"])


def test_a_name_in_gz_is_packed_and_the_same_rows_are_the_same_bytes(scorer: Scorer) -> None:
    text = f"{HEADER}\n{GOOD}\n"
    packed = scored(scorer, text, "out.csv.gz")
    assert gzip.decompress(packed) == scored(scorer, text)
    assert packed == scored(scorer, text, "other.gz")


def test_parquet_keeps_its_types_and_metadata_tells_the_network_and_has_nulls(
    scorer: Scorer,
) -> None:
    cells = [[2.0, 2.0, None], [1.2] * 3, [1.0] * 3, [40, 99, 400], [True] * 3, [1, 1, 0]]
    source = pa.table([*cells, [1, 1, 0]], [*HEADER.split(","), "riesgo_cardiaco"])
    parquet.write_table(source.replace_schema_metadata({"theirs": "kept"}), "in.parquet")
    with open_table(Path("in.parquet"), FIELDS, Reading()) as table:
        steps = list(score_table(table, Path("out.parquet"), scorer))
    written = parquet.read_table("out.parquet")
    assert written.column_names[6:] == ["riesgo_cardiaco_entrada", *ADDED.split(",")]
    assert written.select(range(6)).equals(source.select(range(6)))
    assert written["riesgo_cardiaco"].to_pylist() == [True, True, None]
    assert written["advertencias"].to_pylist()[::2] == [None, None]
    reason = f"colesterol is empty; {AGE_FAULT}"
    assert written["error"].to_pylist() == [None, None, reason]
    assert steps[0].told(2) == f"row 3: {reason}"
    assert written.schema.metadata == {
        b"theirs": b"kept",
        b"cardiorisk.modelo": scorer.version.encode(),
        b"cardiorisk.umbral": str(scorer.threshold).encode(),
    }
