"""What the machine did: with and without the optional libraries, which are stood in for here."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from traindiag.capture import hardware
from traindiag.capture.hardware import Hardware, visible

GIB = 1 << 30


class FakeGpus(SimpleNamespace):
    """The part of ``pynvml`` that is used, of two GPUs."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken
        self.looks = 0

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> bytes | str:
        return b"NVIDIA X" if handle == 0 else "NVIDIA Y"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(total=16 * GIB, used=(3 + handle) * GIB)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        self.looks += 1
        if self.broken:
            raise RuntimeError("the driver went away")
        return SimpleNamespace(gpu=40 + 20 * handle)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("psutil", "pynvml"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("nothing_installed")
def test_without_libraries_python_still_knows_the_processor() -> None:
    machine = Hardware()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    values = machine.take()
    assert set(values) == {"cpu_cores"}
    assert values["cpu_cores"] > 0
    assert set(machine.facts()) == {"cores"}
    machine.stop()


def test_memory_by_psutil() -> None:
    pytest.importorskip("psutil")
    machine = Hardware()
    values = machine.take()
    machine.stop()
    assert 0 < values["host_memory_gib"] < machine.facts()["memory_gib"]
    assert values["host_memory_free_gib"] > 0


@pytest.mark.usefixtures("nothing_installed")
def test_gpus_are_looked_at_while_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeGpus())
    monkeypatch.setattr(hardware, "_PAUSE", 0.01)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    machine = Hardware()
    end = time.monotonic() + 10
    values: dict[str, float] = {}
    while "gpu_busy" not in values and time.monotonic() < end:
        time.sleep(0.02)
        values = machine.take()
    machine.stop()
    assert (values["gpu_busy"], values["gpu_memory_gib"]) == (0.5, 4.0)
    assert machine.facts()["gpus"] == [
        {"name": "NVIDIA X", "memory_gib": 16.0},
        {"name": "NVIDIA Y", "memory_gib": 16.0},
    ]


@pytest.mark.usefixtures("nothing_installed")
def test_a_driver_that_goes_away_ends_the_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeGpus(broken=True)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(hardware, "_PAUSE", 0.01)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    machine = Hardware()
    end = time.monotonic() + 10
    while not fake.looks and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)
    assert fake.looks == 1
    assert "gpu_busy" not in machine.take()
    machine.stop()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [("", []), ("1", [1]), ("2,0", [2, 0]), ("0,9,1", [0]), ("-1", []), ("GPU-ab, 1", ["GPU-ab", 1])],
)
def test_only_the_gpus_cuda_shows(environment: str, expected: list[int | str]) -> None:
    assert visible(4, environment) == expected
