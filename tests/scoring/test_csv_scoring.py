"""CSV in, CSV out: every row kept, every bad one explained, whatever the file looks like."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.identity.forms import harmless
from cardiorisk.scoring.csv_scoring import score_csv
from cardiorisk.scoring.scorer import BadRow, Scorer

HEADER = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo"
GOOD, AT_RISK = "2.0,1.2,1.0,40,1,0", "2.0,1.2,1.0,40,1,1"
AGE_FAULT = "edad must be an integer from 0 to 99 (years)"
AT_RISK_SCORE = "1.000000,1,"


def scored(scorer: Scorer, text: str | bytes) -> tuple[bytes, list[BadRow]]:
    sink = io.BytesIO()
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    bad_rows = [bad for step in score_csv(source, sink, scorer) for bad in step.bad_rows]
    return sink.getvalue(), bad_rows


def rows_of(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode(), newline="")))


def test_a_plain_line_is_copied_and_its_score_added(scorer: Scorer) -> None:
    written, bad_rows = scored(scorer, f"{HEADER}\n{AT_RISK}\n")
    assert written.decode().splitlines() == [
        f"{HEADER},probabilidad,riesgo_cardiaco,error",
        f"{AT_RISK},{AT_RISK_SCORE}",
    ]
    assert bad_rows == []


def test_a_bad_row_is_kept_with_its_reason_and_told_by_line(scorer: Scorer) -> None:
    bad = GOOD.replace("40", "cuarenta")
    written, bad_rows = scored(scorer, f"{HEADER}\n{GOOD}\n{bad}\n{AT_RISK}\n")
    assert rows_of(written)[2] == [*bad.split(","), "", "", AGE_FAULT]
    assert written.decode().splitlines()[3] == f"{AT_RISK},{AT_RISK_SCORE}"
    assert bad_rows == [BadRow(3, AGE_FAULT)]


def test_quoted_cells_and_the_lines_in_them_are_kept(scorer: Scorer) -> None:
    text = f'nombre,{HEADER}\n"García, Ana\nmaría",{AT_RISK}\nx,{GOOD.replace("40", "-1")}\n'
    written, bad_rows = scored(scorer, text)
    assert rows_of(written)[1] == ["García, Ana\nmaría", *AT_RISK.split(","), "1.000000", "1", ""]
    assert bad_rows == [BadRow(4, AGE_FAULT)]


@pytest.mark.parametrize("note", ["=1+1", "Ana;=1+1", "@x", "x; +1-1", "-1+1", "\uff1d1"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_no_cell_that_is_copied_is_a_formula_and_a_number_stays_one(
    scorer: Scorer, note: str, quote: str
) -> None:
    text = f"nota,z,{HEADER}\n{quote}{note}{quote},-1.50,{AT_RISK}\na-b,2026-11-22,{GOOD}\n"
    written, _ = scored(scorer, text)
    _, unsafe, safe = rows_of(written)
    assert (unsafe[0], unsafe[1]) == (harmless(note), "-1.50")
    assert (harmless(note) == note, safe[:2]) == (False, ["a-b", "2026-11-22"])


@pytest.mark.parametrize(
    ("row", "reason", "kept"),
    [
        ("2.0,1.2", "has 2 cells where the header has 6", ["2.0", "1.2", "", "", "", ""]),
        (
            f"{GOOD},7,8",
            "has 8 cells where the header has 6; left out: 7, 8",
            GOOD.split(","),
        ),
    ],
)
def test_a_row_of_the_wrong_length_is_kept_in_its_columns(
    scorer: Scorer, row: str, reason: str, kept: list[str]
) -> None:
    written, bad_rows = scored(scorer, f"{HEADER}\n{GOOD}\n{row}\n{AT_RISK}\n")
    assert rows_of(written)[2] == [*kept, "", "", reason]
    assert rows_of(written)[3][-3:] == ["1.000000", "1", ""]
    assert bad_rows == [BadRow(3, reason)]


def test_empty_lines_are_no_rows_but_count_as_lines(scorer: Scorer) -> None:
    bad = GOOD.replace("40", "?")
    written, bad_rows = scored(scorer, f"{HEADER}\n\n{GOOD}\n\n{bad}\n\n")
    assert len(rows_of(written)) == 3
    assert bad_rows == [BadRow(5, AGE_FAULT)]


def test_wire_names_in_any_order_among_other_columns(scorer: Scorer) -> None:
    text = (
        "id,tabaquismo,sobrepeso,edad,azucar,presion_arterial,nivel_colesterol\n"
        "7,true,True,40,1.0,1.2,2.0\n"
    )
    assert rows_of(scored(scorer, text)[0])[1][-3:] == ["1.000000", "1", ""]


def test_a_file_of_the_course_keeps_its_label(scorer: Scorer) -> None:
    text = f",{HEADER},riesgo_cardiaco\n0,{GOOD},0\n"
    names = rows_of(scored(scorer, text)[0])[0]
    assert names[0] == ""
    assert names[-4:] == ["riesgo_cardiaco_entrada", "probabilidad", "riesgo_cardiaco", "error"]


def test_windows_line_ends_mark_and_a_foreign_encoding_do_no_harm(scorer: Scorer) -> None:
    text = b"\xef\xbb\xbfnombre," + HEADER.encode() + b"\r\nJos\xe9," + AT_RISK.encode() + b"\r\n"
    written = scored(scorer, text)[0]
    assert written.startswith(b"\xef\xbb\xbfnombre,")
    assert written.endswith(b"\nJos\xe9," + f"{AT_RISK},{AT_RISK_SCORE}\n".encode())


def test_a_file_with_a_header_only_gives_one(scorer: Scorer) -> None:
    assert len(rows_of(scored(scorer, HEADER)[0])) == 1


texts = st.one_of(
    st.sampled_from(["", "40", " 40", "40 ", "+40", "040", "40.", "4e1", ".5", "-0", "1e400"]),
    st.sampled_from(["nan", "NA", "None", "inf", "∞", "true", "True", "tRuE", "0x10", "1_0"]),
    st.just("\N{FULLWIDTH DIGIT FOUR}"),
    st.text("0149.eE+- _xX", max_size=6),
)


@given(texts, st.sampled_from([0, 3, 4]))
def test_a_cell_is_judged_alike_whatever_else_is_in_the_file(
    scorer: Scorer, text: str, place: int
) -> None:
    cells = AT_RISK.split(",")
    cells[place] = text
    row = ",".join(cells)
    others = "x,x,x,x,x,x"
    alone = rows_of(scored(scorer, f"{HEADER}\n{row}\n")[0])[1]
    among_words = rows_of(scored(scorer, f"{HEADER}\n{row}\n{others}\n")[0])[1]
    cell_by_cell = rows_of(scored(scorer, f'{HEADER}\n{row}\n"x",{others[2:]}\n')[0])[1]
    assert alone == among_words == cell_by_cell
