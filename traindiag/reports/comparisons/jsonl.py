"""JSON lines: one object a comparison, then one an unreadable file."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from traindiag.comparison.shapes import ComparisonReport
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.document import document_of


class JsonLinesRenderer(ComparisonRenderer):
    """One line of JSON a metric, to be streamed, filtered and appended.

    Each line has `kind` ("comparison" or "unreadable"), `schema` and `version`, and else the fields of the JSON format.
    """

    name: ClassVar[str] = "jsonl"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """One line of ASCII a comparison or unreadable file."""
        document = document_of(report)
        head = {"schema": document["schema"], "version": document["version"]}
        lines: list[dict[str, Any]] = [
            {"kind": "comparison", **head, **each} for each in document["comparisons"]
        ]
        lines += [{"kind": "unreadable", **head, **each} for each in document["unreadable"]]
        return "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
