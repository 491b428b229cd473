"""CSV: one row a run, for spreadsheets and data frames."""

from __future__ import annotations

from typing import ClassVar

from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.numbers import json_number
from traindiag.reports.spreadsheet import number, table

COLUMNS = (
    *("run", "path", "reader", "epochs", "verdict", "code", "status", "severity", "confidence"),
    *("monitor", "best_epoch", "best_value", "also", "message", "remedy"),
)


class CsvRenderer(Renderer):
    """One row a run: verdict, best epoch, other rules that fired, first remedy.

    Text that a spreadsheet would take for a formula gets a leading apostrophe (CWE-1236).
    Files that could not be read have the status "unreadable".
    """

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)
    draws: ClassVar[bool] = False
    repeated: ClassVar[int | None] = 1

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """A header and one row a run or unreadable file."""
        rows = [_row(run) for run in report.runs]
        rows += [
            {"path": each.path, "status": "unreadable", "message": each.message} for each in report.unreadable
        ]
        return table(COLUMNS, rows)


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
        "best_value": "" if best is None else number(best.value),
        "also": " ".join(each.code for each in run.findings if each.rule != verdict.rule),
        "message": verdict.message,
        "remedy": remedies[0].change if remedies else "",
    }
