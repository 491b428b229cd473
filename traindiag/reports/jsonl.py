"""JSON lines: one object a run, then one an unreadable file."""

from __future__ import annotations

import json
from typing import ClassVar

from traindiag.model.report import Report
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.document import run_document, unreadable_document


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
        head = {"schema": report.schema, "version": report.version}
        lines = [{"kind": "run", **head, **run_document(run)} for run in report.runs]
        lines += [{"kind": "unreadable", **head, **unreadable_document(each)} for each in report.unreadable]
        return "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
