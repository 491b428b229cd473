"""A comparison as Markdown: for a comment on a pull request or a step summary."""

from __future__ import annotations

import re

from traindiag.comparison.shapes import Comparison, Contrast, Group
from traindiag.reports.comparison_words import columns, legend, notes, others, reason, sentence
from traindiag.reports.sanitise import sanitise

_SPECIAL = re.compile(r"[^\w %,()±;./:+-]|_|:(?=//)|(?<=www)\.", re.IGNORECASE)
_MARKS = {"regressed": "❌", "improved": "✅", "same": "🟰", "cannot tell": "❔"}


def comparison_markdown(comparison: Comparison) -> str:
    """A heading, the table of groups, and a list of verdicts. No text of a log can start markup."""
    found = columns(comparison)
    titles, *rows = zip(*found, strict=True)
    marks = ["", *(_MARKS[each.judgment] for each in comparison.contrasts)]
    lines = [
        f"## traindiag: {_text(comparison.metric)} against {_text(comparison.base.name)}",
        "",
        _row("", "group", *map(_text, titles)),
        _row("---", "---", *("---:" for _ in titles)),
        *(
            _row(mark, _text(group.name), *map(_text, row))
            for mark, group, row in zip(marks, comparison.groups, rows, strict=True)
        ),
        "",
        _text(legend(comparison)),
        "",
        *(
            _verdict(comparison, contrast, group)
            for contrast, group in zip(comparison.contrasts, comparison.groups[1:], strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"


def _verdict(comparison: Comparison, contrast: Contrast, group: Group) -> str:
    advice = [sentence(contrast.advice)] if contrast.advice else []
    sentences = [reason(comparison, contrast), others(comparison.base, group)]
    told = " ".join(filter(None, [*sentences, *notes(comparison.base, group), *advice]))
    return f"- {_MARKS[contrast.judgment]} **{_text(group.name)}: {contrast.judgment}.** {_text(told)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Text that stays text: what could start markup, HTML, a mention or a link is an entity."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", sanitise(text))
