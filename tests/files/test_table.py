"""Every kind of file that people have: read right, or refused by kind with what to do."""

from __future__ import annotations

import gzip
import re
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from cardiorisk.errors import UnusableData
from cardiorisk.files.columns import LABEL, Reading
from cardiorisk.files.table import BATCH_ROWS, open_table
from cardiorisk.patients.patient import FIELDS

HEADER = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo"
ROWS = ["2.0,1.2,1.0,40,1,0", "2.5,1.4,1.5,72,0,1"]
PLAIN = "\n".join([HEADER, *ROWS, ""])
SPANISH = PLAIN.replace(",", ";").replace(".", ",")
QUOTED = "".join(
    name + ',"' + line.replace(",", '","') + '"\n'
    for name, line in zip(("n", '"Peña, ""Ana""\nx"', "é"), PLAIN.split(), strict=True)
)
VALUES = [[2.0, 1.2, 1.0, 40, 1, 0], [2.5, 1.4, 1.5, 72, 0, 1]]
PATH = Path("patients")
packed = partial(gzip.compress, mtime=0)  # tests have the same names in every process


def read(content: bytes | str, reading: Reading | None = None) -> tuple[str, list[list[float]]]:
    PATH.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_table(PATH, FIELDS, reading or Reading()) as table:
        values = [row for batch in table.batches() for row in batch.values.tolist()]
        return str(table), [[round(value, 6) for value in row] for row in values]


def faults(content: str, reading: Reading | None = None) -> list[tuple[int, str]]:
    """Return the line and the faults of each bad row."""
    PATH.write_bytes(content.encode())
    with open_table(PATH, FIELDS, reading or Reading()) as table:
        return [
            (int(batch.lines[row]), batch.reason(row))
            for batch in table.batches()
            for row in sorted(batch.faults)
        ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN, "CSV: separator ',', decimal '.', line ends LF, encoding utf-8"),
        (SPANISH, "separator ';', decimal ',', line ends LF"),
        (PLAIN.replace(",", "\t"), r"separator '\t'"),
        (PLAIN.replace(",", "|"), "separator '|'"),
        (f"sep=;\n{SPANISH}", "separator ';'"),
        (f"\n\r\n{PLAIN}", "decimal '.'"),
        (QUOTED, "separator ','"),
        (re.sub(r"(\d)\.(\d)", r'"\1,\2"', PLAIN), "decimal ','"),
        (PLAIN.replace("\n", "\r\n"), "line ends CRLF"),
        (PLAIN.replace("\n", "\r"), "line ends lone CR"),
        (PLAIN.replace("\n", "\r\r\n"), "line ends CRLF"),
        (PLAIN.encode("utf-8-sig"), "utf-8 with a mark"),
        (PLAIN.encode("utf-16"), "utf-16-le with a mark"),
        (PLAIN.encode("utf-16-le"), "encoding utf-16-le"),
        (PLAIN.encode("utf-16-be"), "encoding utf-16-be"),
        (PLAIN.encode("utf-32"), "utf-32-le with a mark"),
        (PLAIN.replace("presion", "Presión").encode("cp1252"), "cp1252"),
        (packed(PLAIN.encode()), "CSV in gzip: "),
        (packed(PLAIN[:70].encode()) + packed(PLAIN[70:].encode()), "gzip"),
        (PLAIN.replace("\n", ",\n"), ""),
        (PLAIN.replace("0\n", "0,\n"), ""),
        (PLAIN.replace("mo\n", "mo,\n"), ""),
        (PLAIN.replace("edad", " EDÁD_ ").replace("glucosa", "Azúcar"), ""),
        (PLAIN.replace("presion", "presion_arterial"), ""),
    ],
)  # fmt: skip
def test_whatever_the_dialect_the_patients_are_the_same(content: str | bytes, said: str) -> None:
    told, values = read(content)
    assert values == VALUES
    assert said in told


def test_what_is_said_goes_before_what_would_be_found() -> None:
    content = PLAIN.replace(",", ":").replace("colesterol", "chol ñ").encode("utf-8")
    reading = Reading(":", ".", "latin-1", (), {"nivel_colesterol": "chol Ã±"})
    assert read(content, reading)[1] == VALUES


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\r\n", "the file is empty"),
        (b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml", "an Excel file (.xlsx): open it"),
        (b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml word/d", "a Word or PowerPoint file"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.", "file (.ods)"),
        (b"PK\x03\x04" + b"\0" * 26 + b"patients.csv", "a zip archive: unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel file of the old kind (.xls)"),
        (b"%PDF-1.7", "a PDF: ask for the table"),
        (b"\n <!DOCTYPE html><table>", "a web page (HTML or XML): open it"),
        (b"BZh91AY", "a compressed file: unpack it"),
        (b'[{"edad": 40}]', "JSON: open it"),
        (bytes(range(256)) * 9, "this is no text (a binary file)"),
        (f'"{"x" * 140_000}', "the columns are: "),
        (packed(PLAIN.encode())[:-9], "damaged or cut off, so fetch it again"),
        (packed(PLAIN.encode())[:20] + b"\xff" * 40, "damaged or cut off, so fetch it"),
        (SPANISH.encode("utf-16")[:-1], "not text in utf-16-le, so say in what: --encoding ("),
        (f"Our patients\n\n{PLAIN}", "the columns are: Our patients; where"),
        (
            f"{HEADER}\n2,0,1,2,1,0,40,1,0\n2,1,2,1,0,40,1,0\n",
            "every row has more cells than the header: if commas are decimal marks as well",
        ),
        ("\n".join(ROWS), "there is no header: write one above the first line, which has values"),
        (
            PLAIN.replace("colesterol", "chol").replace("glucosa", "gluc"),
            (
                "missing: 'colesterol', 'glucosa'; "
                "the columns are: chol, presion, gluc, edad, sobrepeso, tabaquismo; where they "
                "have other names, say so: --column 'colesterol=chol' --column 'glucosa=gluc'"
            ),
        ),
        (
            "male,age,currentSmoker,prevalentHyp,totChol,sysBP,diaBP,BMI,glucose\n",
            (
                "say so: --column 'edad=age' --column 'tabaquismo=currentSmoker' --column "
                "'colesterol=totChol' --column 'presion=sysBP' --column 'glucosa=glucose'"
            ),
        ),
        (PLAIN.replace("glucosa", "x"), "say so: --column 'glucosa=THEIRS'"),
        (PLAIN.replace("tabaquismo", "edad,tabaquismo"), "give one another name"),
        (
            PLAIN.replace("tabaquismo", "Edad,tabaquismo"),
            "or say which: --column edad=THEIRS",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_kind_and_remedy(
    content: str | bytes, refusal: str
) -> None:
    with pytest.raises(UnusableData) as refused:
        read(content)
    assert str(refused.value).startswith("patients: ")
    assert refusal in str(refused.value)


def test_what_is_only_called_parquet_is_refused() -> None:
    path = Path("x.parquet")
    path.write_text(PLAIN)
    with pytest.raises(UnusableData, match="not a Parquet"), open_table(path, FIELDS, Reading()):
        pass
    with pytest.raises(UnusableData, match="Parquet is read from its end"):
        read(packed(b"PAR1" + PLAIN.encode()))
    path.write_bytes(b"PAR1" + PLAIN.encode())
    with pytest.raises(UnusableData, match="not a Parquet"), open_table(path, FIELDS, Reading()):
        pass


def test_a_column_that_is_mapped_is_no_other_and_must_be_there() -> None:
    content = PLAIN.replace("tabaquismo", "edad,tabaquismo").replace("colesterol", "x")
    reading = Reading(columns={"nivel_colesterol": "tabaquismo"})
    with pytest.raises(UnusableData, match="'tabaquismo' cannot be two fields at once"):
        read(PLAIN.replace("colesterol", "x"), reading)
    with pytest.raises(UnusableData, match="missing: 'y';"):
        read(content, Reading(columns={"nivel_colesterol": "y"}))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2.0,1.2", "has 2 cells where the header has 6"),
        (f"{ROWS[0]},7,8", "has 8 cells where the header has 6; left out: 7, 8"),
        (f'"{ROWS[0]}', "has a quotation mark that is not closed where a cell ends"),
        (f'2.0,"x"y,1.2,{"9" * 9}', "has a quotation mark that is not closed where a cell ends"),
        (",,,,,", "is an empty row"),
        ("2.0,1.2,,140,1,0", "glucosa is empty; edad is beyond 99 years"),
        ("2.0,1.2\0,1.0,40,1,0", "presion is not a number"),
        ('2.0,5\'11",1.0,40,1,0', "presion is not a number"),
        ("2.0," + "9" * 200_000, "has 2 cells where the header has 6"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong_keeps_its_place_and_its_line(row: str, said: str) -> None:
    before = [*ROWS, "", '"2.0\n",1.2,1.0,40,1,0']  # which is 2.0, and two lines
    assert faults("\n".join([HEADER, *before, row, *ROWS, ""])) == [(7, said)]
    values = read("\n".join([HEADER, *before, row, *ROWS]))[1]
    assert (values[:3], values[4:]) == ([*VALUES, VALUES[0]], VALUES)


@pytest.mark.parametrize("place", range(len(FIELDS) + 1))
def test_marks_that_stand_alone_in_their_cells_take_in_no_row(place: int) -> None:
    cells = [line.split(",") for line in (HEADER, *ROWS)]
    added = zip(cells, ("zone", '"', "x"), strict=False)
    header, ditto, plain = (",".join([*row[:place], new, *row[place:]]) for row, new in added)
    content = "\n".join((header, *[ditto] * 2, plain, ditto, *[plain] * 2, ditto, plain))
    said = "has a quotation mark that is not closed where a cell ends"
    for end in ("\n", "\r\n"):
        assert faults(content.replace("\n", end)) == [(line, said) for line in (2, 3, 5, 8)]
    assert len(read(content)[1]) == len(content.splitlines()) - 1


def test_a_fault_is_told_by_the_files_own_name_and_by_ours() -> None:
    reading = Reading(columns={"nivel_colesterol": "chol"})
    assert faults(PLAIN.replace("colesterol", "chol").replace("2.0", "x"), reading) == [
        (2, "chol (colesterol) is not a number")
    ]


def test_a_header_alone_has_no_rows() -> None:
    assert read(HEADER)[1] == []


def test_many_rows_keep_their_order_and_their_lines() -> None:
    lines = [f"2.{'x' * (at % 50_000 == 7)},1.2,1.0,{at % 99},1,0" for at in range(200_000)]
    content = "\n".join([HEADER, *lines])
    assert [line for line, _ in faults(content)] == [9, 50_009, 100_009, 150_009]
    assert [row[3] for row in read(content)[1]] == [number % 99 for number in range(200_000)]


def test_parquet_has_its_types_and_counts_its_rows() -> None:
    columns: dict[str, list[Any]] = {
        "colesterol": [2.0, 2.5, None],
        "presion": [1.2, 1.4, 1.2],
        "glucosa": ["1.0", "1.5", "1.0"],
        "edad": [40, 72, 400],
        "sobrepeso": [True, False, True],
        "tabaquismo": [0, 1, 1],
        "riesgo_cardiaco": ["no", "sí", "no"],
    }
    table = pa.concat_tables([pa.table(columns)] * (BATCH_ROWS // 3 + 1))
    parquet.write_table(table, PATH)
    with open_table(PATH, (*FIELDS, LABEL), Reading()) as opened:
        batches = list(opened.batches())
        assert (str(opened), opened.length) == ("Parquet", len(table))
    assert batches[0].values[:2].tolist() == [
        pytest.approx([*row, label]) for row, label in zip(VALUES, (0, 1), strict=True)
    ]
    assert batches[1].lines[-1] == len(table)
    assert (
        batches[1].told(1) == f"row {BATCH_ROWS + 2}: colesterol is empty; edad is beyond 99 years"
    )
