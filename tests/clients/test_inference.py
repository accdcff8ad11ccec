"""The Open Inference Protocol, held to by the clients that Triton and KServe give out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from cardiorisk.config import VERSION
from tests.processes import Server
from tests.support import create_key


def test_the_clients_of_other_model_servers_work_unchanged(
    server: Server, clients_python: str
) -> None:
    key = create_key(server.settings, "ana", "premium")
    alone = [server.ask(key, tabaquismo=flag)[1]["probabilidad"] for flag in (0, 1)]
    script = Path(__file__).with_name("inference.py")
    run = subprocess.run(
        [clients_python, script, server.address, key], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    expected = [np.array(alone, dtype=np.float32).tolist()] * 6
    faults = [found[client].pop("fault") for client in ("triton", "kserve")]
    assert found == {
        "triton": {
            "version": VERSION,
            "live": [True, False],
            "ready": True,
            "models": [True, True, False, False],
            "probabilities": expected,
        },
        "kserve": {"live": True, "ready": True, "models": [True, False], "probabilities": expected},
    }
    for fault in faults:
        for field in ("nivel_colesterol", "presion_arterial", "sobrepeso"):
            assert f"pacientes[0].{field} " in fault
