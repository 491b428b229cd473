"""Which Keras backend and which device a training runs on."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any

from traindiag.model.errors import UsageError

KERAS = ("keras", "tf_keras")
"""Names of Keras: that of today, and Keras 2 beside a TensorFlow that has today's."""
INSTALL = 'pip install "traindiag[keras]"'


class DeviceChoice(StrEnum):
    """What the user asks for."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a training runs.

    Attributes:
        kind: cpu or gpu.
        name: the maker's name of a GPU, the architecture of a CPU.
        backend: tensorflow, jax or torch.
        scope: the device in Keras' notation, ``gpu:0``, for `keras.device`.
    """

    kind: str
    name: str
    backend: str
    scope: str

    def __str__(self) -> str:
        return f"{self.kind.upper()} ({self.name}), {self.backend} backend"


_keras = KERAS[0]


def choose_keras(name: str) -> None:
    """Settles which of `KERAS` is meant from now on; to be called before anything else of this package is imported."""
    global _keras
    _keras = name


def import_keras() -> Any:
    """The keras module with its backend.

    Raises:
        UsageError: Keras or its backend is not installed.
    """
    return _imported(_keras)


def number(value: Any) -> float:
    """A single number out of a tensor or a variable, wherever it lies."""
    # Keras 2 has no `ops`, and nothing but TensorFlow below it.
    ops = getattr(import_keras(), "ops", None)
    return float(value if ops is None else ops.convert_to_numpy(value))


def require_extras() -> None:
    """Makes sure that what the scenarios and their logs need is there.

    Raises:
        UsageError: Keras, its backend, TensorBoard or scikit-learn is not installed.
    """
    for name in ("keras", "tensorboard", "sklearn"):
        _imported(name)


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        missing = (error.name or str(error)).split(".")[0]
        raise UsageError(
            f"training needs Keras with a backend, TensorBoard and scikit-learn, and {missing} is not installed",
            next_step=f"install them with: {INSTALL}",
        ) from error


def gpus(backend: str) -> list[tuple[str, str]]:
    """The GPUs a Keras backend sees, as (scope, name): ``("gpu:0", "NVIDIA H200")``.

    A backend without GPU support, or one traindiag does not know, sees none.
    """
    finder = {"tensorflow": _tensorflow_gpus, "jax": _jax_gpus, "torch": _torch_gpus}.get(backend)
    return [] if finder is None else finder()


def _tensorflow_gpus() -> list[tuple[str, str]]:
    config = import_module("tensorflow").config
    found = config.list_physical_devices("GPU")
    names = [config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in found]
    return [(f"gpu:{index}", str(name)) for index, name in enumerate(names)]


def _jax_gpus() -> list[tuple[str, str]]:
    devices = import_module("jax").devices()
    found = [device for device in devices if device.platform in ("gpu", "cuda", "rocm")]
    return [(f"gpu:{device.id}", str(device.device_kind)) for device in found]


def _torch_gpus() -> list[tuple[str, str]]:
    torch = import_module("torch")
    if torch.cuda.is_available():
        count = range(torch.cuda.device_count())
        return [(f"gpu:{index}", str(torch.cuda.get_device_name(index))) for index in count]
    metal = getattr(torch.backends, "mps", None)
    return [("mps", "Apple GPU")] if metal is not None and metal.is_available() else []


def choose_device(choice: DeviceChoice | str = DeviceChoice.AUTO) -> Device:
    """The device to train on: the first GPU Keras' backend sees, else the CPU.

    Args:
        choice: auto, cpu or gpu.

    Raises:
        UsageError: `gpu` is asked for and the backend sees none, or Keras is not installed.
    """
    backend = import_keras().backend.backend()
    choice = DeviceChoice(choice)
    found = [] if choice is DeviceChoice.CPU else gpus(backend)
    if found:
        scope, name = found[0]
        return Device(kind="gpu", name=name, backend=backend, scope=scope)
    if choice is DeviceChoice.GPU:
        raise UsageError(
            f"Keras' {backend} backend sees no GPU",
            where="--device gpu",
            next_step="use --device auto or cpu, or install the backend with GPU support",
        )
    return Device(kind="cpu", name=platform.machine() or "unknown", backend=backend, scope="cpu:0")


@contextmanager
def on_device(device: Device) -> Iterator[None]:
    """Everything Keras builds and trains inside runs on `device`."""
    if device.kind == "gpu" and device.backend == "tensorflow":
        _grow_memory()
    with import_keras().device(device.scope):
        yield


def precision_of(device: Device) -> str:
    """Keras' name of the mixed precision that suits a device: half floats on a GPU, bfloat16 on a CPU.

    Keras scales the loss for half floats; bfloat16 has the range of a float, and CPUs have no fast half floats.
    """
    return "mixed_float16" if device.kind == "gpu" else "mixed_bfloat16"


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Everything Keras builds inside computes as `policy` says; the user's own policy is back afterwards."""
    config = import_keras().config
    before = config.dtype_policy()
    config.set_dtype_policy(policy)
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def _grow_memory() -> None:
    """Take GPU memory as needed: TensorFlow else takes all of it, also what other programs use."""
    config = import_module("tensorflow").config
    for gpu in config.list_physical_devices("GPU"):
        try:
            config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            return  # The GPU is in use by this process already: its way of taking memory is settled.


def versions(backend: str) -> dict[str, str]:
    """Versions of what a recorded run depends on, by distribution name."""
    # Imported here because the command line needs this module for its help, and this import costs 10 ms.
    from importlib.metadata import PackageNotFoundError, version

    names = [_keras, backend, "tensorboard", "numpy", "scikit-learn"]
    found = {"python": platform.python_version()}
    for name in dict.fromkeys(names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # A build under another name, such as tensorflow-cpu; or it is not there at all.
            module = sys.modules.get(name)
            if module is not None:
                found[name] = str(getattr(module, "__version__", "unknown"))
    return found
