"""JSON, schema ``traindiag.comparison/1`` (``schemas/comparison-1.schema.json``)."""

from __future__ import annotations

import json
from typing import ClassVar

from traindiag.comparison.shapes import ComparisonReport
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.document import document_of


class JsonRenderer(ComparisonRenderer):
    """One JSON document of all comparisons, ASCII only; NaN and the infinities are strings."""

    name: ClassVar[str] = "json"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """The document, indented by two spaces."""
        return json.dumps(document_of(report), indent=2, allow_nan=False) + "\n"
