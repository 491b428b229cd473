"""Really trains a scenario and keeps its logs in every form."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from traindiag.capture.callbacks import EveryForm
from traindiag.capture.device import (
    Device,
    DeviceChoice,
    choose_device,
    import_keras,
    on_device,
    precision,
    precision_of,
    require_extras,
    versions,
)
from traindiag.capture.facts import callback_facts, has_schedule, learning_rate_of, optimizer_config
from traindiag.capture.guessing import chance_losses
from traindiag.capture.recording import write_facts
from traindiag.capture.scenarios.base import Knobs, Scenario, scenario_named
from traindiag.model.errors import UsageError

FILES = ("history.json", "history.txt", "history.pkl", "log.csv", "console.txt", "run.json")
EVENT_FOLDERS = ("tb/train", "tb/validation")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """A recorded training.

    Attributes:
        scenario: its name.
        folder: where the logs are.
        history: Keras' `History.history`: one value an epoch of each metric.
        facts: what ``run.json`` holds: seed, epochs, batch size, optimizer, device, versions, seconds.
        files: the files written, sorted.
    """

    scenario: str
    folder: Path
    history: dict[str, list[float]]
    facts: dict[str, Any]
    files: tuple[Path, ...]


def train_scenario(
    name: str,
    out: Path,
    *,
    seed: int = 0,
    epochs: int | None = None,
    device: DeviceChoice | Device | str = DeviceChoice.AUTO,
    knobs: Knobs | None = None,
    dataset: str | None = None,
    optimizer: str | None = None,
    mixed_precision: bool = False,
    overwrite: bool = False,
    on_epoch: Callable[[int], None] | None = None,
) -> TrainResult:
    """Trains a scenario and records ``history.json``, ``.txt``, ``.pkl``, ``log.csv``, ``console.txt``,
    ``tb/train``, ``tb/validation`` and ``run.json`` below `out`.

    The same seed gives the same history on the same device, backend and versions. To that end Keras'
    global random state is seeded and its global naming state is cleared.

    Args:
        name: of the scenario.
        out: folder, made if need be.
        seed: of data, weights and shuffling.
        epochs: None for the scenario's own number.
        device: auto, cpu, gpu, or a device already chosen.
        knobs: changed settings, None for the scenario's own.
        dataset, optimizer: others than the scenario's own.
        mixed_precision: compute in half precision, as `precision_of` says.
        overwrite: replace an earlier recording in `out`; other files there stay.
        on_epoch: called with the number of finished epochs after each one.

    Raises:
        UsageError: unknown scenario, a data set or optimizer it cannot take, `out` cannot be used, no GPU though
            asked for, or Keras missing.
    """
    scenario = scenario_named(name)(knobs, dataset=dataset, optimizer=optimizer)
    require_extras()
    if not isinstance(device, Device):
        device = choose_device(device)
    _prepare(out, overwrite)
    recorder = EveryForm(out, on_epoch=on_epoch, update_freq=scenario.update_freq)
    wanted = scenario.epochs if epochs is None else epochs
    begin = time.perf_counter()
    facts: dict[str, Any] = {"scenario": name, "seed": seed, "epochs_wanted": wanted}
    try:
        policy = precision_of(device) if mixed_precision else "float32"
        with on_device(device):
            facts |= fit_scenario(scenario, recorder, seed, wanted, policy=policy)
    finally:
        # Also after Ctrl-C or a failure: what was trained so far is a log worth reading.
        recorder.finish()
        history = recorder.history
        facts |= {
            "epochs": max((len(values) for values in history.values()), default=0),
            "device": {"kind": device.kind, "name": device.name},
            "backend": device.backend,
            "versions": versions(device.backend),
            "seconds": round(time.perf_counter() - begin, 2),
        }
        facts = write_facts(out, facts)
    files = tuple(sorted(path for path in _recorded(out) if path.is_file()))
    return TrainResult(scenario=name, folder=out, history=history, facts=facts, files=files)


def _recorded(out: Path) -> list[Path]:
    """The files a recording may consist of that are there now."""
    events = [path for folder in EVENT_FOLDERS for path in (out / folder).glob("events.out.tfevents.*")]
    return [out / name for name in FILES if (out / name).exists()] + events


def check_folder(out: Path, overwrite: bool = False) -> None:
    """Whether a recording may go to `out`.

    Raises:
        UsageError: it is a file, or a folder with something in it and `overwrite` is not set.
    """
    if out.exists() and not out.is_dir():
        raise UsageError("this is a file, not a folder", where=str(out), next_step="give another --out")
    if out.is_dir() and not overwrite and any(out.iterdir()):
        raise UsageError(
            "the folder is not empty", where=str(out), next_step="give another --out, or --overwrite"
        )


def _prepare(out: Path, overwrite: bool) -> None:
    """Makes the folder, takes an earlier recording away, and finds out whether it can be written to."""
    check_folder(out, overwrite)
    try:
        for path in _recorded(out):
            path.unlink()
        out.mkdir(parents=True, exist_ok=True)
        (out / "run.json").touch()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(out), next_step="give an --out that can be written") from error


class Recorder(Protocol):
    """What records a training, whatever it writes."""

    def callbacks(self, first_epoch: int) -> list[Any]:
        """The callbacks that record the next `fit`, which begins at some epoch."""

    def console(self) -> AbstractContextManager[None]:
        """Takes what Keras prints inside."""


def fit_scenario(
    scenario: Scenario,
    recorder: Recorder,
    seed: int,
    epochs: int,
    *,
    policy: str = "float32",
    verbose: int = 1,
) -> dict[str, Any]:
    """Trains a scenario from a fresh Keras state and gives the facts that only the training knows.

    Args:
        scenario: what to train.
        recorder: gives the callbacks that record it.
        seed: of data, weights and shuffling.
        epochs: how many.
        policy: Keras' name of the precision.
        verbose: as in `fit`.
    """
    keras = import_keras()
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    data = scenario.data(seed)
    steps = -(-len(data.train[0]) // scenario.settings.batch_size)
    with precision(policy):
        model = scenario.model(data, seed)
        rate, stages, own = scenario.settings.learning_rate, scenario.stages(epochs), []
        for stage in stages:
            # A new optimizer each time: a resumed training has its weights, seldom its optimizer state.
            scenario.compile(model, data, steps, epochs)
            if stage is stages[0] and not has_schedule(model):
                rate = learning_rate_of(model)
            own = scenario.callbacks(stage.stop)
            with recorder.console(), warnings.catch_warnings():
                # Keras warns of some faults that are here on purpose, such as no weights that could be trained.
                warnings.simplefilter("ignore")
                model.fit(
                    **scenario.training_input(data, seed),
                    validation_data=scenario.validation_input(data, seed),
                    initial_epoch=stage.start,
                    epochs=stage.stop,
                    verbose=verbose,
                    callbacks=own + recorder.callbacks(stage.start),
                )
    return {
        "dataset": scenario.data_name,
        "steps_per_epoch": steps,
        "batch_size": scenario.settings.batch_size,
        "train_samples": len(data.train[0]),
        "val_samples": 0 if data.val is None else len(data.val[0]),
        "parameters": int(model.count_params()),
        "learning_rate": rate,
        "chance_loss": chance_losses(model, data.train[1], None if data.val is None else data.val[1]),
        "optimizer": optimizer_config(model),
        "callbacks": [callback_facts(each) for each in own],
        "precision": policy,
        # As Keras' TensorBoard callback writes it, which is not there on every backend.
        "keras": json.loads(model.to_json()),
    }
