"""The tests of the recorder again on Keras' other backends, where they are installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = ("test_recorder.py", "test_hooks.py", "test_signals.py", "test_waiting.py")


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_recorder_on_another_backend(backend: str, tmp_path: Path) -> None:
    for name in ("keras", backend):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest"),
            *("-o", "addopts=", "-W", "ignore", "--basetemp", str(tmp_path / "below")),
            *(str(HERE / name) for name in FILES),
        ],
        env={**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
