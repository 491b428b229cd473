"""What every renderer is: one format, from a report to text."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Any, ClassVar

from traindiag.model.errors import UsageError
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a report is laid out; formats for machines ignore what does not concern them.

    Attributes:
        width: columns of the terminal.
        color: whether ANSI colours are wanted.
        ascii: whether only ASCII characters may appear.
        verbose: whether to show every evidence, remedy and rule that was not checked.
        failing: run and rule of each finding that failed a gate; None where no gate judged.
    """

    width: int = 80
    color: bool = False
    ascii: bool = False
    verbose: bool = False
    failing: frozenset[tuple[str, str]] | None = None


DEFAULT = Options()


class Renderer(ABC):
    """A format. One subclass a file, in the module of its name; its docstring says what it is for.

    Class attributes:
        name: what ``--format`` takes: ``json``.
        suffixes: file name ends that choose it for ``-o``: ``(".json",)``.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    registry: ClassVar[dict[str, type[Renderer]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Renderer.registry[cls.name] = cls

    @abstractmethod
    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The whole report as text, ending in a line break. The same report gives the same bytes."""


def render(
    report: Report,
    format: str = "text",
    *,
    width: int = 80,
    color: bool = False,
    ascii: bool = False,
    verbose: bool = False,
) -> str:
    """The report as text in one of the formats ``traindiag analyze --format`` knows.

    Raises:
        UsageError: there is no such format.
    """
    options = Options(width=width, color=color, ascii=ascii, verbose=verbose)
    return renderer(format).render(report, options)


def renderer(name: str) -> Renderer:
    """The renderer of one format; only its own module is loaded.

    Raises:
        UsageError: there is no such format.
    """
    if name not in Renderer.registry and name.isidentifier():
        module = f"{__package__}.{name}"
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    if name not in Renderer.registry:
        names = sorted(all_renderers())
        raise UsageError(
            f"unknown format {name!r}",
            next_step=did_you_mean(name, names, otherwise=f"choose one of {', '.join(names)}"),
        )
    return Renderer.registry[name]()


def format_of_suffix(path: PurePath) -> str | None:
    """The format whose suffix the file name ends in, None when no format claims it."""
    name = path.name.lower()
    claims = [
        (suffix, format)
        for format, each in all_renderers().items()
        for suffix in each.suffixes
        if name.endswith(suffix)
    ]
    return max(claims, key=lambda claim: len(claim[0]))[1] if claims else None


@cache
def all_renderers() -> dict[str, type[Renderer]]:
    """Every format by name: one per module of this package that defines one."""
    import traindiag.reports as package

    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    return dict(sorted(Renderer.registry.items()))
