"""What every rule is: one idea, one file, one name; it yields findings and does nothing else."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, dataclass_transform

import numpy as np

from traindiag.analysis.signals import Signals
from traindiag.model.convert import run_from_history
from traindiag.model.errors import UsageError
from traindiag.model.finding import Evidence, Finding, Remedy, Severity, Status
from traindiag.model.frame import Series
from traindiag.model.run import Damage, Run


def option(default: Any, help: str, source: str) -> Any:
    """A rule's option: a field with a name, a type, a default, a sentence and where the default comes from."""
    return field(default=default, metadata={"help": help, "source": source})


@dataclass(frozen=True, slots=True)
class Example:
    """A run a rule must fire on or stay silent on; tested for every rule and shown by ``explain``.

    Attributes:
        name: what kind of run it is, in a few words.
        history: one list a metric, as in ``History.history``.
        params: hyper-parameters of the run.
        first_epoch: zero-based number of the first epoch.
        epochs: the epochs as logged, where they do not simply count up from `first_epoch`.
        seconds: how long each epoch took, for rules that read the wall time.
        damage: what was lost while the log was read.
    """

    name: str
    history: Mapping[str, list[float]]
    params: Mapping[str, Any] = field(default_factory=dict)
    first_epoch: int = 0
    epochs: Sequence[int] | None = None
    seconds: Sequence[float] = ()
    damage: tuple[Damage, ...] = ()

    def run(self) -> Run:
        """The example as a run that was read from a log."""
        longest = max(len(values) for values in self.history.values())
        epochs = self.epochs or range(self.first_epoch, self.first_epoch + longest)
        run = run_from_history(self.history, name=self.name, epoch=epochs, params=self.params)
        wall = np.cumsum(self.seconds) if self.seconds else None
        series = [
            Series(
                each.split,
                each.metric,
                each.value,
                epoch=each.epoch,
                wall_time=None if wall is None else wall[: len(each)],
            )
            for each in run.series
        ]
        source = dataclasses.replace(run.source, damage=self.damage)
        return Run(name=run.name, source=source, series=series, params=run.params)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option,))
class Rule(ABC):
    """A rule. Its docstring is its page; its annotated fields are its options.

    Class attributes:
        code: ``TD101``; never used again.
        name: ``overfitting``: the docs page, the configuration key, the file's stem with ``_`` for ``-``.
        severity: the default.
        status: what a run is when this rule is its verdict.
        needs: series without which the rule is skipped: ``train/loss``, ``val/loss``, ``accuracy``, or a metric.
        min_epochs: epochs below which the rule is skipped.
        alone: whether a run by itself is enough to judge; rules that need a budget or another run are
            judged elsewhere (``check``, ``compare``) and only have their page and settings here.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = Severity.WARNING
    status: ClassVar[Status] = "ill"
    needs: ClassVar[tuple[str, ...]] = ("train/loss",)
    min_epochs: ClassVar[int] = 5
    alone: ClassVar[bool] = True
    registry: ClassVar[dict[str, type[Rule]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        if "code" in cls.__dict__:
            Rule.registry[cls.name] = cls

    @abstractmethod
    def judge(self, signals: Signals) -> Iterator[Finding]:
        """Yield what is found; nothing when the run is free of it."""

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        """Runs the rule must fire on."""
        return ()

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        """Look-alikes the rule must stay silent on."""
        return ()

    def skip_reason(self, signals: Signals) -> str:
        """Why the rule cannot judge this run; empty when it can."""
        for need in self.needs:
            if not has_signal(signals, need):
                return f"no {need} in this log"
        if signals.epochs < self.min_epochs:
            return f"{signals.epochs} epochs, needs {self.min_epochs}"
        return ""

    def finding(
        self,
        message: str,
        *,
        confidence: float,
        evidence: Iterable[Evidence] = (),
        remedies: Iterable[Remedy] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this rule."""
        return Finding(
            rule=self.name,
            code=self.code,
            severity=severity or self.severity,
            confidence=confidence,
            message=message,
            evidence=tuple(evidence),
            remedies=tuple(remedies),
        )

    @classmethod
    def options(cls) -> tuple[dataclasses.Field[Any], ...]:
        """The rule's options, with ``help`` and ``source`` in their metadata."""
        return dataclasses.fields(cls)  # type: ignore[arg-type]

    @classmethod
    def page(cls) -> str:
        """The rule's page: its docstring."""
        return inspect.cleandoc(cls.__doc__ or "")

    @classmethod
    def summary(cls) -> str:
        """The verdict sentence: the first paragraph of the page, on one line."""
        return " ".join(cls.page().split("\n\n", 1)[0].split())


def has_signal(signals: Signals, need: str) -> bool:
    """Whether a run has what a rule needs."""
    if need == "train/loss":
        return signals.train_shape is not None
    if need == "val/loss":
        return signals.val_shape is not None
    if need == "loss":
        return signals.train is not None or signals.val is not None
    if need == "accuracy":
        return signals.accuracy("train") is not None or signals.accuracy("val") is not None
    return any(curve.metric == need for curve in signals.curves)


@cache
def all_rules() -> tuple[type[Rule], ...]:
    """Every rule, by code: one per module of this package, and those of installed plugins.

    Plugins name a `Rule` subclass under the entry point group ``traindiag.rules``.
    """
    import traindiag.rules as package

    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    for entry in importlib.metadata.entry_points(group="traindiag.rules"):
        entry.load()
    return tuple(sorted(Rule.registry.values(), key=lambda rule: rule.code))


def find_rule(name: str) -> type[Rule]:
    """The rule of a name or code.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    import difflib

    wanted = name.strip().lower()
    for rule in all_rules():
        if wanted in (rule.name, rule.code.lower()):
            return rule
    near = difflib.get_close_matches(wanted, [rule.name for rule in all_rules()], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else "`traindiag rules` lists them"
    raise UsageError(f"there is no rule {name!r}", next_step=hint)
