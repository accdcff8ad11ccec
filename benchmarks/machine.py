"""What the measured machine is, as far as figures depend on it, and nothing that tells it apart."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


def cpu_model(cpuinfo: str) -> str:
    """Return the processor's name from the text of /proc/cpuinfo, with its clock where told."""
    name = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    clock = re.search(r"^cpu MHz\s*:\s*([\d.]+)$", cpuinfo, re.MULTILINE)
    shown = name[1].strip() if name else "an unnamed processor"
    return f"{shown} at {float(clock[1]) / 1000:.1f} GHz" if clock and "GHz" not in shown else shown


def describe() -> dict[str, str]:
    """Return processor, cores, memory, system, Python, date and commit."""
    cpuinfo = Path("/proc/cpuinfo")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": cpu_model(cpuinfo.read_text()) if cpuinfo.exists() else platform.machine(),
        "cores": str(cores),
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
    }


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.CalledProcessError):
        return "not from a repository"
    return run.stdout.strip()
