"""What holds for many runs at once, as the web page begins with it: each name leads to its run."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from traindiag.model.report import RunReport
from traindiag.reports.numbers import counted
from traindiag.reports.summary import separation_text, spent_text, summary_of
from traindiag.reports.templating import rendered

_MOST_NAMES = 3
_MOST_FOLDERS = 20
_MOST_SEPARATIONS = 4


def many_html(anchors: Mapping[RunReport, str]) -> Markup:
    """Verdicts, folders, hyper-parameters and what was spent, the worst first.

    Args:
        anchors: all runs of the report, in its order, and where on the page each is told.
    """
    runs = list(anchors)
    summary = summary_of(runs)
    text = rendered(
        "many.html.j2",
        summary=summary,
        anchors=anchors,
        spent=spent_text(summary.spent, len(runs)),
        separation_text=separation_text,
        counted=counted,
        most_names=_MOST_NAMES,
        most_folders=_MOST_FOLDERS,
        most_separations=_MOST_SEPARATIONS,
    )
    return Markup(text)
