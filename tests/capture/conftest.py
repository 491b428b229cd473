"""One real training, shared by the tests that look at what it left behind."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from traindiag.capture.train import TrainResult

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

HAS_KERAS = all(importlib.util.find_spec(name) for name in ("keras", "tensorflow", "tensorboard", "sklearn"))
NEEDS_KERAS = pytest.mark.skipif(not HAS_KERAS, reason="the keras extra is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("keras"):
            item.add_marker(NEEDS_KERAS)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainResult]:
    """Trains a scenario for three epochs on the CPU, once a session."""
    from traindiag.capture.train import train_scenario

    done: dict[str, TrainResult] = {}

    def of(name: str) -> TrainResult:
        if name not in done:
            folder: Path = tmp_path_factory.mktemp(name) / "logs"
            done[name] = train_scenario(name, folder, seed=1, epochs=3, device="cpu")
        return done[name]

    return of
