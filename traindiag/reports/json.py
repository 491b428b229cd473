"""JSON, schema ``traindiag.report/1`` (``schemas/report-1.schema.json``)."""

from __future__ import annotations

import json
from typing import ClassVar

from traindiag.model.report import Report
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.document import report_document


class JsonRenderer(Renderer):
    """One JSON document with everything that was found, for programs; `summary` is what holds for all runs.

    NaN and the infinities, for which JSON has no number, are the strings "NaN", "Infinity" and "-Infinity".
    Only ASCII is written, so that no name in it can act on a terminal.
    """

    name: ClassVar[str] = "json"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    draws: ClassVar[bool] = False

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The document, indented by two spaces."""
        return json.dumps(report_document(report), indent=2, allow_nan=False) + "\n"
