"""``cardiorisk score``: what it writes, what it says, and what it never does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from cardiorisk.config import DEFAULT_MODEL_DIR
from tests.cli.conftest import Call, start

HEADER = "colesterol,presion,glucosa,edad,sobrepeso,tabaquismo"
ROW = "2.0,1.2,1.0,40,1,1"
BAD_ROW = "2.0,1.2,1.0,140,1,1"


@pytest.fixture(autouse=True)
def litert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARDIORISK_ENGINE", "litert")


def write(*rows: str) -> None:
    Path("in.csv").write_text("\n".join([HEADER, *rows, ""]))


def probability(line: str) -> float:
    return float(line.removeprefix(f"{ROW},").split(",")[0])


def test_a_file_is_scored_told_of_and_counted(call: Call) -> None:
    write(ROW, BAD_ROW)
    result = call("score", "in.csv", "out.csv")
    assert result.exit_code == 0
    assert result.stdout == ""
    read, network, *others = result.stderr.splitlines()[-4:]
    assert read == "in.csv: CSV: separator ',', decimal '.', line ends LF, encoding utf-8"
    assert network.startswith("network ")
    assert others == [
        "line 3: edad is beyond 99 years",
        "2 rows, 1 of them could not be assessed",
    ]
    assert probability(Path("out.csv").read_text().splitlines()[1]) > 0.99


def test_the_first_twenty_bad_rows_are_named(call: Call) -> None:
    write(*[BAD_ROW] * 25)
    stderr = call("score", "in.csv", "out.csv").stderr
    assert stderr.count(": edad is beyond") == 20
    assert "line 21: " in stderr
    assert "... and 5 more\n25 rows, 25 of them" in stderr


@pytest.mark.parametrize(
    ("good", "bad", "options", "exit_code"),
    [(1, 1, [], 0), (1, 1, ["--strict"], 1), (1, 2, [], 1), (1, 0, ["--strict"], 0), (0, 0, [], 0)],
)
def test_more_than_half_bad_rows_or_one_where_asked_for_end_with_1_and_the_output(
    call: Call, good: int, bad: int, options: list[str], exit_code: int
) -> None:
    write(*[ROW] * good, *[BAD_ROW] * bad)
    assert call("score", "in.csv", "out.csv", *options).exit_code == exit_code
    assert len(Path("out.csv").read_text().splitlines()) == 1 + good + bad


def test_a_file_is_read_as_the_options_say(call: Call) -> None:
    Path("in.csv").write_bytes("age:chol:presion:glucosa:sobrepeso:tabaquismo:ñ\n".encode("cp850")
                               + b"40:210,5:120:100:S\xa1:no:\xa4\n")  # fmt: skip
    options = ["--sep", ":", "--decimal", ",", "--encoding", "cp850", "--units", "MG/DL"]
    columns = ["--column", "Colesterol=chol", "--column", "edad=age"]
    result = call("score", "in.csv", "out.csv", *options, *columns)
    assert (result.exit_code, "0 of them" in result.stderr) == (0, True)
    assert "; units mg/dL; colesterol in 'chol'; edad in 'age'" in result.stderr
    assert Path("out.csv").read_text("cp850").startswith("age:chol:presion:")


@pytest.mark.parametrize(
    "options",
    [
        ["--sep", "ab"],
        ["--sep", '"'],
        ["--decimal", ";"],
        ["--encoding", "rot13"],
        ["--encoding", "klingon"],
        ["--encoding", "idna"],
        ["--units", "stone"],
        ["--units", "mg/dL", "--units", "mmol/L"],
        ["--column", "colesterol"],
        ["--column", "altura=height"],
        ["--column", "edad=a", "--column", "edad=b"],
    ],
)
def test_an_option_that_says_nothing_is_wrong_usage(call: Call, options: list[str]) -> None:
    write(ROW)
    assert call("score", "in.csv", "out.csv", *options).exit_code == 2


def test_parquet_goes_to_parquet(call: Call) -> None:
    cells = [pa.array([float(cell)]) for cell in ROW.split(",")]
    parquet.write_table(pa.table(cells, HEADER.split(",")), "in.parquet")
    assert call("score", "in.parquet", "out.pq").exit_code == 0
    assert parquet.read_table("out.pq")["riesgo_cardiaco"].to_pylist() == [True]
    command = [sys.executable, "-m", "cardiorisk", "score", "-", "piped.pq"]
    with Path("in.parquet").open("rb") as file:
        subprocess.run(command, stdin=file, check=True, capture_output=True)
    assert Path("piped.pq").read_bytes() == Path("out.pq").read_bytes()


@pytest.mark.parametrize("decimal", [".", ","])
def test_the_network_is_named_in_each_row_where_that_is_asked_for(call: Call, decimal: str) -> None:
    text = f"{HEADER}\n{ROW}\n{BAD_ROW}".replace(",", ";").replace(".", decimal)
    Path("in.csv").write_text(text)
    stderr = call("score", "in.csv", "out.csv", "--model-columns").stderr
    version = stderr.split("network ")[1].split(",")[0]
    header, *rows = [line.split(";") for line in Path("out.csv").read_text().splitlines()]
    assert header[-3:] == ["error", "modelo", "umbral"]
    assert [row[-2:] for row in rows] == [[version, f"0{decimal}5"]] * 2
    cells = [pa.array([float(cell)]) for cell in ROW.split(",")]
    parquet.write_table(pa.table([*cells, ["theirs"]], [*HEADER.split(","), "modelo"]), "in.pq")
    assert call("score", "in.pq", "out.pq", "--model-columns").exit_code == 0
    (row,) = parquet.read_table("out.pq").to_pylist()
    assert (row["modelo_entrada"], row["modelo"], row["umbral"]) == ("theirs", version, 0.5)


def said_after_scoring(expression: str) -> str:
    """Score a file in a new process; return what the expression says there afterwards."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from cardiorisk.__main__ import main\n"
        "main(['score', 'in.csv', 'out.csv'], standalone_mode=False)\n"
        f"print({expression})"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_no_tensorflow_is_needed_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CARDIORISK_ENGINE")
    write(ROW)
    assert said_after_scoring("'tensorflow' in sys.modules") == "False"


@pytest.mark.parametrize("way", ["flag", "variable", "file"])
def test_the_engine_that_is_asked_for_is_taken(
    call: Call, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.delenv("CARDIORISK_ENGINE")
    if way == "variable":
        monkeypatch.setenv("CARDIORISK_ENGINE", "keras")
    elif way == "file":
        Path("cardiorisk.toml").write_text('engine = "keras"\n')
    # Only litert's file is there to be found, so keras cannot be loaded.
    Path("model").mkdir()
    for name in ("card.json", "cardiorisk.tflite"):
        Path("model", name).write_bytes((DEFAULT_MODEL_DIR / name).read_bytes())
    monkeypatch.setenv("CARDIORISK_MODEL_DIR", "model")
    write(ROW)
    result = call("score", "in.csv", "out.csv", *(["--engine", "keras"] if way == "flag" else []))
    assert result.exit_code == 1
    assert "cannot read the network model/cardiorisk.keras" in result.stderr


@pytest.mark.parametrize("streams", [("-", "-"), ("-", "/dev/stdout")])
def test_dashes_are_the_standard_streams(streams: tuple[str, str]) -> None:
    run = start("score", *streams, input=f"{HEADER}\n{ROW}\n")
    assert run.returncode == 0
    (line,) = run.stdout.splitlines()[1:]
    assert probability(line) > 0.99


@pytest.mark.parametrize(
    "target", ["in.csv", "link.csv", "out.parquet", "out.csv.zip", "out.parquet.gz", "out.xlsx"]
)
def test_an_output_that_cannot_be_meant_is_wrong_usage(call: Call, target: str) -> None:
    write(ROW)
    Path("link.csv").symlink_to("in.csv")
    assert call("score", "in.csv", target).exit_code == 2
    assert ROW in Path("in.csv").read_text()


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_a_file_that_cannot_be_scored_leaves_the_old_output(call: Call, name: str) -> None:
    Path(name).write_text("a,b\n1,2\n")
    output = Path(name.replace("in", "out"))
    output.write_text("old")
    result = call("score", name, str(output))
    assert (result.exit_code, output.read_text()) == (1, "old")
    assert result.stderr.splitlines()[-1].startswith(f"cardiorisk: {name}: ")
    assert sorted(path.name for path in Path().iterdir()) == sorted([name, output.name])


def test_parquet_is_called_so(call: Call) -> None:
    cells = [pa.array([float(cell)]) for cell in ROW.split(",")]
    parquet.write_table(pa.table(cells, HEADER.split(",")), "in.pq")
    for target in ("out.csv", "-"):
        assert call("score", "in.pq", target).exit_code == 2


def test_an_output_that_is_no_regular_file_is_written_as_it_comes(call: Call) -> None:
    write(ROW)
    assert call("score", "in.csv", "/dev/null").exit_code == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_command_leaves_no_unfinished_output(number: int) -> None:
    command = [sys.executable, "-m", "cardiorisk", "score", "-", "out.csv"]
    before = signal.signal(number, signal.SIG_DFL)  # under nohup SIGHUP is ignored
    try:
        run = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(number, before)
    with run:
        assert run.stdin is not None
        assert run.stderr is not None
        # More than a block, so that its bad row is named while the input is still open.
        run.stdin.write(f"{HEADER}\n{BAD_ROW}\n".encode() + f"{ROW}\n".encode() * 200_000)
        run.stdin.flush()
        assert [run.stderr.readline()[:6] for _ in range(3)] == [b"-: CSV", b"networ", b"line 2"]
        assert len(list(Path().glob(".out.csv.*.part"))) == 1
        os.kill(run.pid, number)
        assert run.wait(30) == 128 + number
    assert list(Path().iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
def test_memory_does_not_grow_with_the_file() -> None:
    write(*[ROW] * 600_000)
    peak = "Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]"
    assert int(said_after_scoring(peak)) < 250 * 1024
