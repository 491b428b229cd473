"""CSV: one row a run, for spreadsheets and data frames."""

from __future__ import annotations

import csv
from io import StringIO
from typing import ClassVar

from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.numbers import json_number
from traindiag.reports.sanitise import sanitise

COLUMNS = (
    *("run", "path", "reader", "epochs", "verdict", "code", "status", "severity", "confidence"),
    *("monitor", "best_epoch", "best_value", "also", "message", "remedy"),
)
_FORMULA = ("=", "+", "-", "@")


class CsvRenderer(Renderer):
    """One row a run: verdict, best epoch, other rules that fired, first remedy.

    Text that a spreadsheet would take for a formula gets a leading apostrophe (CWE-1236).
    Files that could not be read have the status "unreadable".
    """

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """A header and one row a run or unreadable file."""
        page = StringIO()
        writer = csv.DictWriter(page, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        rows = [_row(run) for run in report.runs]
        rows += [
            {"path": each.path, "status": "unreadable", "message": each.message} for each in report.unreadable
        ]
        for row in rows:
            writer.writerow({key: _cell(key, value) for key, value in row.items()})
        return page.getvalue()


def _row(run: RunReport) -> dict[str, object]:
    verdict, best = run.verdict, run.best
    own = [each for each in run.findings if each.rule == verdict.rule]
    remedies = own[0].remedies if own else ()
    return {
        "run": run.name,
        "path": run.source.path,
        "reader": run.source.reader,
        "epochs": run.epochs,
        "verdict": verdict.rule,
        "code": verdict.code,
        "status": verdict.status,
        "severity": verdict.severity.value,
        "confidence": json_number(verdict.confidence, 3),
        "monitor": "" if best is None else best.monitor,
        "best_epoch": "" if best is None else best.epoch,
        "best_value": "" if best is None else json_number(best.value),
        "also": " ".join(each.code for each in run.findings if each.rule != verdict.rule),
        "message": verdict.message,
        "remedy": remedies[0].change if remedies else "",
    }


def _cell(column: str, value: object) -> object:
    """Text made safe; the values of `best_value` are numbers, although "-Infinity" is written as text."""
    if not isinstance(value, str) or column == "best_value":
        return value
    safe = sanitise(value)
    return "'" + safe if safe.startswith(_FORMULA) else safe
