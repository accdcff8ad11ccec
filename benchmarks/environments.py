"""The foreign contestants' environments: made on first use, made anew when their pins change.

A package that cannot be installed costs its contestant the run, with the reason, and nobody else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE_SECONDS = 1800


class Skipped(Exception):
    """A contestant cannot take part; the message says why."""


def require_environment(name: str) -> str:
    """Return the interpreter of an environment, and make that first where it is missing.

    Raises:
        Skipped: it cannot be installed.
    """
    pins = (HERE / "requirements" / f"{name}.txt").read_text()
    directory = HERE / ".environments" / name
    stamp, interpreter = directory / "installed.txt", directory / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == pins:
        return str(interpreter)
    print(f"{name}: installing into {directory.relative_to(HERE.parent)}, once...", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(directory)], name)
    install = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    _run([*install, "--requirement", str(HERE / "requirements" / f"{name}.txt")], name)
    stamp.write_text(pins)
    return str(interpreter)


def _run(command: list[str], name: str) -> None:
    """Run a step of the installation.

    Raises:
        Skipped: it fails, or takes half an hour.
    """
    try:
        subprocess.run(  # noqa: S603 - our own interpreter and pip
            command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired as late:
        raise Skipped(f"installing {name} took more than {PATIENCE_SECONDS} s") from late
    except subprocess.CalledProcessError as failed:
        lines = [line for line in failed.stderr.splitlines() if line.startswith("ERROR")]
        raise Skipped(f"{name} cannot be installed: {' '.join(lines)[:300]}") from failed


def package_versions(interpreter: str, packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of those packages that an environment has."""
    script = (
        "import sys\nfrom importlib.metadata import PackageNotFoundError, version\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, version(name))\n"
        "    except PackageNotFoundError: pass\n"
    )
    run = subprocess.run(  # noqa: S603 - an interpreter that we made
        [interpreter, "-c", script, *packages], check=True, capture_output=True, text=True
    )
    return dict(line.split() for line in run.stdout.splitlines())
