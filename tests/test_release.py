"""The release: wheel and sdist, installed where the repository is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.processes import Server

ROOT = Path(__file__).parent.parent
UNRELEASED = (
    ".*",  # with what is being installed for the benchmarks, and comes and goes
    "build",
    "*.egg-info",
    "keys.db*",
    "logs",
    "__pycache__",
)


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def build_wheel(source: Path, into: Path) -> Path:
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", into, source, cwd=into.parent)
    [wheel] = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build a wheel of the repository, and one of its sdist."""
    place = tmp_path_factory.mktemp("release")
    tree = place / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*UNRELEASED))
    build = "from setuptools import build_meta; build_meta.build_sdist('dist')"
    run(sys.executable, "-c", build, cwd=tree)
    [sdist] = (tree / "dist").glob("*.tar.gz")
    return build_wheel(tree, place / "a"), build_wheel(sdist, place / "b")


def test_the_sdist_makes_the_same_wheel_with_all_that_git_has_of_the_package(
    wheels: tuple[Path, Path],
) -> None:
    of_the_tree, of_the_sdist = (
        {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
        for wheel in wheels
    )
    tracked = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "cardiorisk").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert of_the_tree == of_the_sdist == tracked


def test_installed_in_an_empty_environment_it_serves_outside_the_repository(
    wheels: tuple[Path, Path], tmp_path: Path
) -> None:
    """The dependencies, half a gigabyte, are those of this environment; the package is not."""
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index")
    run(*pip, "--no-deps", wheels[1], cwd=tmp_path)
    packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    server = Server(elsewhere, "--engine", "litert", is_measured=False, python=python)
    try:
        server.wait_until_ready()
        assert server.ask()[0] == 200
        for path in ("/", "/docs", "/openapi.json"):
            with server.connection() as connection:
                connection.request("GET", path)
                assert connection.getresponse().status == 200, path
    finally:
        server.clean_up()
    command = environment / "bin" / "cardiorisk"
    told = subprocess.run([command, "--version"], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["cardiorisk,", "version", wheels[1].name.split("-")[1]]
    where = [str(python), "-c", "import cardiorisk; print(cardiorisk.__file__)"]
    found = subprocess.run(where, cwd=elsewhere, check=True, capture_output=True, text=True)
    assert found.stdout.startswith(str(environment))
