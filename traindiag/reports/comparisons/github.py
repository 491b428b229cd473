"""GitHub annotations: workflow commands that a job prints."""

from __future__ import annotations

from typing import ClassVar

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group, Judgment
from traindiag.reports.annotations import command, folded
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.words import contrasts, headline, told, totals
from traindiag.reports.sanitise import sanitise

_KINDS: dict[Judgment, str] = {"regressed": "error", "cannot tell": "warning", "improved": "notice"}


class GithubRenderer(ComparisonRenderer):
    """Annotations for GitHub Actions: regressed is an error, cannot tell a warning, improved a notice.

    What stayed the same is only in the plain lines of totals at the end.
    """

    name: ClassVar[str] = "github"

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """One workflow command a line. No text of a log can end one or begin another."""
        judged = list(contrasts(report))
        lines = []
        for judgment, kind in _KINDS.items():
            found = [each for each in judged if each[1].judgment == judgment]
            commands = [_contrast(kind, *each) for each in found]
            names = [contrast.group for _, contrast, _ in found]
            if kind == "error":
                commands += [
                    command(kind, {"file": each.path, "title": f"unreadable: {each.path}"}, each.message)
                    for each in report.unreadable
                ]
                names += [each.path for each in report.unreadable]
            lines += folded(kind, commands, names)
        lines += [sanitise(totals(each)) for each in report.comparisons]
        return "\n".join(lines) + "\n"


def _contrast(kind: str, comparison: Comparison, contrast: Contrast, group: Group) -> str:
    code = "TD801 " if contrast.judgment == "regressed" else ""
    where = {"file": group.paths[0], "title": f"{code}{headline(contrast, comparison)}"}
    return command(kind, where, "\n".join(told(comparison, contrast, group)))
