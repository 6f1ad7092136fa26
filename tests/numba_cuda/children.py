"""Programs of this folder in processes of their own: the simulator must be chosen before Numba is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def lines(program, *arguments):
    """The JSON lines that a program printed."""
    environment = {**os.environ, "GAN_NP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
