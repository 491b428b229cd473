"""What every renderer of comparisons is: one format, from comparisons to text."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from traindiag.comparison.shapes import ComparisonReport
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.formats import Format, Formats


class ComparisonRenderer(Format):
    """A format of comparisons."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        FORMATS.add(cls)

    @abstractmethod
    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """All comparisons as text, ending in a line break. The same comparisons give the same bytes."""


FORMATS: Formats[ComparisonRenderer] = Formats("traindiag.reports.comparisons")


def render_comparison(report: ComparisonReport, format: str = "text", options: Options = DEFAULT) -> str:
    """The comparisons as text in one of the formats ``traindiag compare --format`` knows.

    Raises:
        UsageError: there is no such format.
    """
    return FORMATS.named(format).render(report, options)
