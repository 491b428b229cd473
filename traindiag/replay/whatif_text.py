"""A what-if for a person: when it stops, what it keeps, what that costs and saves."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from traindiag.model.curve import Curve
from traindiag.replay.page import LABEL, Page, duration
from traindiag.replay.whatif import WhatIf
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.numbers import counted, short
from traindiag.reports.sparkline import sparklines
from traindiag.reports.words import sentence

MOST_CHANGES = 4


def what_if_text(
    outcomes: Sequence[WhatIf], curves: Sequence[Curve | None] = (), options: Options = DEFAULT
) -> str:
    """One block a run.

    Args:
        outcomes: of one set of callbacks over several runs.
        curves: the monitored curve of each run, drawn above its block; None where there is none.
        options: the layout.
    """
    page = Page(options)
    for number, outcome in enumerate(outcomes):
        if number:
            page.line()
        _block(page, outcome, curves[number] if number < len(curves) else None)
    return page.finished()


def _block(page: Page, outcome: WhatIf, curve: Curve | None) -> None:
    ink = page.ink
    page.line(ink.text(outcome.run, "bold"), ink.text(f"  {counted(outcome.logged, 'epoch')}", "dim"))
    for policy in outcome.policies:
        page.beside("with", ink.text(policy, "cyan"))
    if curve is not None:
        _drawing(page, outcome, curve)
    page.beside("stops", _stops(page, outcome))
    page.beside("keeps", _keeps(outcome))
    page.beside("loses", _loses(page, outcome))
    page.beside("saves", _saves(outcome))
    if outcome.rates:
        page.beside("rate", _rates(outcome))
    if outcome.other_way_from is not None:
        page.beside("but", ink.text(_other_way(outcome), "yellow"))
    for warning in outcome.warnings:
        page.beside("warning", ink.text(warning, "yellow"))
    for finding in outcome.audit:
        page.beside(finding.code, ink.text(sentence(finding.message), "yellow"))
        page.beside(
            "", ink.text(f"{'->' if page.options.ascii else '→'} {sentence(finding.remedies[0].change)}")
        )


def _drawing(page: Page, outcome: WhatIf, curve: Curve) -> None:
    """The monitored curve, with the kept epoch and the end of training marked below."""
    width = page.options.width - LABEL - 3
    [line] = sparklines([curve], width, ascii=page.options.ascii)
    first, last = int(curve.epoch[0]), int(curve.epoch[-1])
    cells = min(width, last - first + 1)

    def cell(epoch: int) -> int:
        return min(cells - 1, max(0, (epoch - first) * cells // (last - first + 1)))

    stop = cell(outcome.stop_epoch)
    drawn = Text.assemble(page.ink.text(line[: stop + 1]), page.ink.text(line[stop + 1 :], "dim"))
    page.beside(outcome.best.monitor if outcome.best else "", drawn)
    kept = outcome.kept_epoch if outcome.checkpoint_epoch is None else outcome.checkpoint_epoch
    marks = [(cell(kept), f"^ kept {kept}")]
    if outcome.stopped_by:
        marks.append((stop, f"^ stop {outcome.stop_epoch}"))
    page.beside("", page.ink.text(_placed(marks, width), "dim"))


def _placed(marks: list[tuple[int, str]], width: int) -> str:
    """Words under their cells; words that would overlap are joined, words at the end turned round."""
    marks = sorted(marks)
    if len(marks) == 2 and marks[0][0] == marks[1][0]:
        marks = [(marks[0][0], f"{marks[0][1]}, {marks[1][1].removeprefix('^ ')}")]
    line = ""
    for at, word in marks:
        if at + len(word) > width or at < len(line) + 1 > 1:
            turned = f"{word.removeprefix('^ ')} ^"
            start = at - len(turned) + 1
            if start > len(line):
                line = line.ljust(start) + turned
            else:
                line = line.ljust(at) + "^" + word[1:] if at >= len(line) else f"{line} {word[2:]} ^"
        else:
            line = line.ljust(at) + word
    return line[:width]


def _stops(page: Page, outcome: WhatIf) -> Text:
    if not outcome.stopped_by:
        return page.ink.text(f"never: it trains to the end, epoch {outcome.stop_epoch}")
    epochs = f"{outcome.trained} of {counted(outcome.logged, 'epoch')}"
    return Text.assemble(
        page.ink.text(f"after epoch {outcome.stop_epoch}", "bold"),
        page.ink.text(f", by {outcome.stopped_by}: trains {epochs}"),
    )


def _keeps(outcome: WhatIf) -> str:
    kept = (
        ""
        if outcome.kept is None or outcome.best is None
        else f", {outcome.best.monitor} {short(outcome.kept)}"
    )
    if outcome.checkpoint_epoch is None:
        last = "" if outcome.kept_epoch != outcome.stop_epoch else " (the last one)"
        return f"epoch {outcome.kept_epoch}{last}{kept}"
    times = counted(outcome.saved, "time")
    model = f"the model itself holds {outcome.kept_epoch}"
    return f"epoch {outcome.checkpoint_epoch} in the checkpoint{kept} (saved {times}); {model}"


def _loses(page: Page, outcome: WhatIf) -> Text:
    if outcome.best is None:
        return page.ink.text("unknown: the monitor was never logged", "yellow")
    best = f"the best of the log, {short(outcome.best.value)} at epoch {outcome.best.epoch}"
    if outcome.lost is None:
        return page.ink.text(f"unknown: no finite value was kept; {best}", "yellow")
    if outcome.lost == 0:
        return page.ink.text(f"nothing: it keeps {best}", "green")
    share = f" ({outcome.lost / abs(outcome.best.value):.1%})" if outcome.best.value else ""
    return page.ink.text(f"{short(outcome.lost, 3)}{share} against {best}")


def _saves(outcome: WhatIf) -> str:
    saved = outcome.logged - outcome.trained
    if not saved:
        return "nothing"
    parts = [f"{counted(saved, 'epoch')} ({saved / outcome.logged:.0%})"]
    if outcome.seconds_saved is not None and outcome.seconds is not None:
        parts.append(f"{duration(outcome.seconds_saved)} of {duration(outcome.seconds)}")
    if outcome.cost_saved is not None:
        parts.append(f"{_money(outcome.cost_saved)} in money")
    if outcome.seconds_saved is None:
        parts.append("the log has no times")
    return ", ".join(parts)


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 1 else short(amount, 3)


def _rates(outcome: WhatIf) -> str:
    unit = "" if outcome.rate_known else " of the first rate, which the log does not tell"
    shown = outcome.rates[:MOST_CHANGES]
    changes = [f"{short(shown[0].before, 3)}"] + [
        f"{short(each.after, 3)} (epoch {each.epoch})" for each in shown
    ]
    more = len(outcome.rates) - len(shown)
    rest = f" … {short(outcome.rates[-1].after, 3)} (epoch {outcome.rates[-1].epoch})" if more else ""
    return " → ".join(changes) + rest + unit


def _other_way(outcome: WhatIf) -> str:
    return (
        f"from epoch {outcome.other_way_from} on a real run has another learning rate than this log and goes "
        "another way: what is said of later epochs is only what this log shows"
    )
