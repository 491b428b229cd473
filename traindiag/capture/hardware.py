"""What the machine did while it trained: processor, memory, and GPUs where NVIDIA's library tells.

`psutil` and `nvidia-ml-py` are optional (``pip install "traindiag[hardware]"``). Without them the seconds of processor
time are still known: they are Python's own.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

_GIB = float(1 << 30)
_PAUSE = 1.0
"""Seconds between two looks at the GPUs; one takes less than a millisecond."""


class Hardware:
    """Means over each epoch of what the machine did.

    Nothing is done between the epochs but for GPUs, which a thread looks at once a second: what they are busy with
    cannot be asked afterwards. The thread ends with the training, and whatever fails in it ends it in silence.
    """

    def __init__(self) -> None:
        self._process = _known(lambda: import_module("psutil").Process())
        self._gpus = _Gpus.open()
        self._begin = time.perf_counter(), _processor_seconds()
        if self._gpus is not None:
            self._gpus.start()
            # Also where nobody calls `stop`: of a training that was broken off.
            weakref.finalize(self, self._gpus.stop)

    def facts(self) -> dict[str, Any]:
        """What the machine is: cores, memory in GiB, and the GPUs of this process by the driver's names."""
        facts: dict[str, Any] = {"cores": os.cpu_count()}
        memory = _known(lambda: import_module("psutil").virtual_memory().total / _GIB)
        if memory is not None:
            facts["memory_gib"] = round(memory, 1)
        if self._gpus is not None:
            facts["gpus"] = self._gpus.facts()
        return facts

    def take(self) -> dict[str, float]:
        """Since the last call.

        ``cpu_cores``: cores this process kept busy, mean. ``host_memory_gib``: what it holds of the memory now.
        ``host_memory_free_gib``: what the machine has left. ``gpu_busy``: share of the time in which the GPU ran
        anything, mean over time and GPUs, 0 to 1. ``gpu_memory_gib``: what is taken on the fullest GPU, by whomever.
        What cannot be known is left out.
        """
        now = time.perf_counter(), _processor_seconds()
        seconds, busy = now[0] - self._begin[0], now[1] - self._begin[1]
        self._begin = now
        values: dict[str, float] = {}
        if seconds > 0:
            values["cpu_cores"] = round(busy / seconds, 3)
        process = self._process
        if process is not None:
            held = _known(lambda: process.memory_info().rss / _GIB)
            free = _known(lambda: import_module("psutil").virtual_memory().available / _GIB)
            pairs = (("host_memory_gib", held), ("host_memory_free_gib", free))
            values |= {name: round(value, 3) for name, value in pairs if value is not None}
        if self._gpus is not None:
            values |= self._gpus.take()
        return values

    def stop(self) -> None:
        """At the end of the training."""
        if self._gpus is not None:
            self._gpus.stop()


def _processor_seconds() -> float:
    """Of all threads of this process and of the children that have ended."""
    return sum(os.times()[:4])


def _known(ask: Callable[[], Any]) -> Any:
    """An answer; None where there is none, for whatever reason."""
    try:
        return ask()
    except Exception:
        return None


@dataclass(slots=True)
class _Sums:
    """Looks at the GPUs, added up."""

    looks: int = 0
    busy: float = 0.0
    memory: float = 0.0


@dataclass(slots=True)
class _Gpus:
    """The GPUs this process may use, by NVIDIA's management library.

    Attributes:
        library: the module ``pynvml``, initialised.
        handles: of the GPUs.
    """

    library: Any
    handles: list[Any]
    _sums: _Sums = field(default_factory=_Sums)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def open(cls) -> _Gpus | None:
        """None without the library, its driver or a GPU."""

        def found() -> _Gpus | None:
            library = import_module("pynvml")
            library.nvmlInit()
            handles = [_handle(library, name) for name in visible(library.nvmlDeviceGetCount())]
            return cls(library, handles) if handles else None

        gpus: _Gpus | None = _known(found)
        return gpus

    def facts(self) -> list[dict[str, Any]]:
        library = self.library
        facts = []
        for handle in self.handles:
            name = _known(lambda handle=handle: library.nvmlDeviceGetName(handle))  # type: ignore[misc]
            memory = _known(lambda handle=handle: library.nvmlDeviceGetMemoryInfo(handle).total / _GIB)  # type: ignore[misc]
            text = name.decode() if isinstance(name, bytes) else name
            facts.append({"name": text, "memory_gib": None if memory is None else round(memory, 1)})
        return facts

    def start(self) -> None:
        threading.Thread(target=self._watch, name="traindiag-gpu", daemon=True).start()

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE):
            if not self._look():
                return

    def _look(self) -> bool:
        """Adds one look; False where the library answers no more."""
        library, gib = self.library, _GIB
        busy = _known(
            lambda: [library.nvmlDeviceGetUtilizationRates(each).gpu / 100 for each in self.handles]
        )
        memory = _known(lambda: [library.nvmlDeviceGetMemoryInfo(each).used / gib for each in self.handles])
        if busy is None or memory is None:
            return False
        with self._lock:
            self._sums.looks += 1
            self._sums.busy += sum(busy) / len(busy)
            self._sums.memory = max(self._sums.memory, *memory)
        return True

    def take(self) -> dict[str, float]:
        with self._lock:
            sums, self._sums = self._sums, _Sums()
        if not sums.looks:
            return {}
        return {"gpu_busy": round(sums.busy / sums.looks, 3), "gpu_memory_gib": round(sums.memory, 3)}

    def stop(self) -> None:
        self._over.set()


def visible(count: int, environment: str | None = None) -> list[int | str]:
    """The GPUs that CUDA shows to this process: their numbers, or their identifiers.

    Args:
        count: how many the machine has.
        environment: ``CUDA_VISIBLE_DEVICES``; asked of the system when not given.
    """
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES") if environment is None else environment
    if wanted is None:
        return list(range(count))
    found: list[int | str] = []
    for each in filter(None, (part.strip() for part in wanted.split(","))):
        if each.isdecimal() and int(each) < count:
            found.append(int(each))
        elif each.startswith(("GPU-", "MIG-")):
            found.append(each)
        else:
            break  # CUDA takes nothing behind the first that is not there.
    return found


def _handle(library: Any, name: int | str) -> Any:
    if isinstance(name, int):
        return library.nvmlDeviceGetHandleByIndex(name)
    return library.nvmlDeviceGetHandleByUUID(name)
