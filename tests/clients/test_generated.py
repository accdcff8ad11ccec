"""Clients that are generated from the running service's description work unchanged."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Server, require_program
from tests.support import EXAMPLE, create_key

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "clients.md"


@pytest.fixture(scope="module")
def description(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with server.connection() as connection:
        connection.request("GET", "/openapi.json")
        path = tmp_path_factory.mktemp("description") / "openapi.json"
        path.write_bytes(connection.getresponse().read())
    return path


def run(*command: str | Path, directory: Path, **variables: str) -> str:
    """Run a program to its end, which must be a good one, and return all that it said."""
    found = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
    return found.stdout


def write_printed(language: str, server: Server, path: Path) -> Path:
    """Write the page's program in a language as a reader would, who has a key."""
    program = re.search(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert program
    key = create_key(server.settings, f"printed-{language}", "premium")
    path.write_text(program[1].replace("crk_…", key).replace("127.0.0.1:8888", server.address))
    return path


def walk(server: Server, name: str, *command: str | Path, directory: Path) -> None:
    """Have a client register, log in, make a key, assess, be refused, keep and list."""
    arguments = (f"http://{server.address}", name, "clave-de-prueba", json.dumps(EXAMPLE))
    said = run(*command, *arguments, directory=directory, PYTHONPATH=str(directory))
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    (probability,) = set(found.pop("probabilities"))
    assert 0 < probability < 0.5
    assert found == {
        "plan": "freemium",
        "faulty": ["edad", "invalid-patient"],
        "kept": [True],
        "refused": "rate-limited",
    }


def test_openapi_python_client(
    server: Server, clients_python: str, description: Path, tmp_path: Path
) -> None:
    programs = Path(clients_python).parent
    said = run(
        *(programs / "openapi-python-client", "generate", "--path", description),
        *("--meta", "none", "--output-path", tmp_path / "made"),
        directory=tmp_path,
        PATH=f"{programs}:{os.environ['PATH']}",
    )
    assert said.splitlines() == [f"Generating {tmp_path / 'made'}"]
    (tmp_path / "cardiorisk_client").symlink_to(tmp_path / "made")
    printed = write_printed("python", server, tmp_path / "printed.py")
    assert run(clients_python, printed, directory=tmp_path).startswith("False ")
    script = HERE / "by_openapi_python_client.py"
    walk(server, "ana", clients_python, script, directory=tmp_path)


def test_openapi_generator(
    server: Server, clients_python: str, description: Path, tmp_path: Path
) -> None:
    require_program("java", "apt-get install default-jre-headless")
    generate = (Path(clients_python).with_name("openapi-generator-cli"), "generate")
    said = run(
        *(*generate, "-g", "python", "-i", description, "-o", tmp_path, "--package-name", "made"),
        directory=tmp_path,
    )
    # It says that of any description of this version, and of one that lets members be added.
    notes = ("OpenAPI 3.1 support is still in beta", "Failed to get the schema name: null")
    warnings = [line for line in said.splitlines() if "WARN" in line or "ERROR" in line]
    assert [line for line in warnings if not any(note in line for note in notes)] == []
    walk(server, "bruno", clients_python, HERE / "by_openapi_generator.py", directory=tmp_path)


def test_the_printed_java_gives_the_generated_method_as_many_arguments_as_it_takes(
    clients_python: str, description: Path, tmp_path: Path
) -> None:
    require_program("java", "apt-get install default-jre-headless")
    program = Path(clients_python).with_name("openapi-generator-cli")
    made = ("-g", "java", "--library", "native", "-o", tmp_path / "made")
    run(program, "generate", "-i", description, *made, directory=tmp_path)
    (method,) = (tmp_path / "made").rglob("ServiceApi.java")
    declared = re.search(r"public Assessment assess\(([^)]*)\)", method.read_text())
    printed = re.search(r"\.assess\(([^)]*)\);", PAGE.read_text())
    assert declared
    assert printed
    assert printed[1].count(",") == declared[1].count(",")


def test_openapi_typescript_with_openapi_fetch(
    server: Server, clients_node: Path, description: Path, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(clients_node)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    script = tmp_path / "by_openapi_fetch.ts"
    script.write_text((HERE / script.name).read_text())
    programs = clients_node / ".bin"
    run(programs / "openapi-typescript", description, "-o", "made.d.ts", directory=tmp_path)
    (tmp_path / "cardiorisk.d.ts").symlink_to(tmp_path / "made.d.ts")
    printed = write_printed("ts", server, tmp_path / "printed.ts")
    options = ("--strict", "--target", "esnext", "--module", "nodenext", "--skipLibCheck")
    run(programs / "tsc", *options, "--lib", "esnext,dom", script, printed, directory=tmp_path)
    assert run("node", printed.with_suffix(".js"), directory=tmp_path).startswith("false ")
    walk(server, "carla", "node", script.with_suffix(".js"), directory=tmp_path)


def test_linters_of_descriptions_have_nothing_to_say(
    clients_node: Path, description: Path, tmp_path: Path
) -> None:
    programs = clients_node / ".bin"
    (tmp_path / ".spectral.yaml").write_text("extends: [spectral:oas]")
    lint = (programs / "spectral", "lint", "--fail-severity", "hint", description)
    run(*lint, directory=tmp_path)
    said = run(programs / "redocly", "lint", description, directory=tmp_path)
    assert "is valid" in said
    assert "You have" not in said, said
