"""What every renderer is: one format, from a report to text."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, ClassVar

from traindiag.model.report import Report
from traindiag.reports.formats import Format, Formats


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a report is laid out; formats for machines ignore what does not concern them.

    Attributes:
        width: columns of the terminal.
        color: whether ANSI colours are wanted.
        ascii: whether only ASCII characters may appear.
        verbose: whether to show every evidence, remedy and rule that was not checked.
        failing: run and rule of each finding that failed a gate; None where no gate judged.
        accepted: run and rule of each finding that a baseline accepts.
    """

    width: int = 80
    color: bool = False
    ascii: bool = False
    verbose: bool = False
    failing: frozenset[tuple[str, str]] | None = None
    accepted: frozenset[tuple[str, str]] = frozenset()


DEFAULT = Options()


class Renderer(Format):
    """A format of reports.

    Class attributes:
        draws: whether it needs the curves of runs.
        repeated: how many lines every report of it begins with, whatever it is about, when the report of some
            runs is else the reports of each, one after the other; None for a format that cannot be streamed.
    """

    draws: ClassVar[bool] = True
    repeated: ClassVar[int | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        FORMATS.add(cls)

    @abstractmethod
    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The whole report as text, ending in a line break. The same report gives the same bytes."""


FORMATS: Formats[Renderer] = Formats("traindiag.reports")


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
    return FORMATS.named(name)


def format_of_suffix(path: PurePath) -> str | None:
    """The format whose suffix the file name ends in, None when no format claims it."""
    return FORMATS.of_suffix(path)


def all_renderers() -> dict[str, type[Renderer]]:
    """Every format by name: one per module of this package that defines one."""
    return FORMATS.all()
