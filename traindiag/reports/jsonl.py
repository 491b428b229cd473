"""JSON lines: one object a run, then one an unreadable file."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from traindiag.model.report import Report
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.document import report_document


class JsonLinesRenderer(Renderer):
    """One line of JSON a run, to be streamed, filtered and appended.

    Each line has `kind` ("run" or "unreadable"), `schema` and `version`, and else the fields of the JSON format.
    """

    name: ClassVar[str] = "jsonl"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")
    draws: ClassVar[bool] = False
    repeated: ClassVar[int | None] = 0

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """One line of ASCII a run or unreadable file."""
        document = report_document(report)
        head = {"schema": document["schema"], "version": document["version"]}
        lines: list[dict[str, Any]] = [{"kind": "run", **head, **run} for run in document["runs"]]
        lines += [{"kind": "unreadable", **head, **each} for each in document["unreadable"]]
        return "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
