"""The advice of `replay --advise` for a person: the curve of regret and saving, the patience, stop or go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from traindiag.replay.extrapolate import STATED, Extrapolation
from traindiag.replay.page import Page
from traindiag.replay.patience import SAFE, PatienceAdvice
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.numbers import counted, short

ROWS = 12
BAR = 24
FIXED = 36
"""Columns of the table that are no bars."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Advice:
    """What is advised for one run."""

    run: str
    patience: PatienceAdvice
    outlook: Extrapolation


def advice_text(advices: Sequence[Advice], options: Options = DEFAULT) -> str:
    """One block a run, and for several runs the patience that serves them all."""
    page = Page(options)
    for number, advice in enumerate(advices):
        if number:
            page.line()
        _block(page, advice)
    if len(advices) > 1:
        page.line()
        _together(page, advices)
    return page.finished()


def _block(page: Page, advice: Advice) -> None:
    patience = advice.patience
    epochs = counted(len(patience.epochs), "epoch")
    page.line(page.ink.text(advice.run, "bold"), page.ink.text(f"  {patience.monitor}, {epochs}", "dim"))
    _curve(page, patience)
    page.beside("use", _recommended(page, patience))
    if patience.recommended is not None:
        page.beside("sure", _least(patience))
    page.beside("noise", f"{short(patience.noise, 3)} an epoch, of a gain of {short(patience.gain, 3)}")
    page.beside("go on?", _outlook(page, advice))


def _curve(page: Page, advice: PatienceAdvice) -> None:
    """Bars of what each patience loses and saves."""
    chosen = sorted({*_spaced(advice), *([advice.recommended] if advice.recommended else [])})
    # A loss that is small against what was gained gets a short bar.
    worst = max(float(advice.regret.max()), 0.02 * advice.gain)
    last = len(advice.epochs) - 1
    room = min(BAR, (page.options.width - FIXED) * 2 // 3)
    page.line(page.ink.text(f"  {'patience':>8}  {'stops':>6}  {'loses':<{room + 10}}saves", "bold"))
    for patience in chosen:
        at = patience - 1
        share = float(advice.regret[at]) / worst if worst > 0 else 0.0
        saved = int(advice.saved[at])
        stop = (
            "never"
            if saved == 0 and at >= last - advice.epochs.tolist().index(advice.best_epoch)
            else str(advice.stop[at])
        )
        mark = "<" if patience == advice.recommended else " "
        bar = _bar(share, room, page.options.ascii)
        loss = short(float(advice.regret[at]), 3) if advice.regret[at] > 0 else "nothing"
        style = "green" if patience == advice.recommended else ""
        page.line(
            page.ink.text(f"  {patience:>8}{mark} {stop:>6}  ", style),
            page.ink.text(f"{bar:<{room}}", "red"),
            page.ink.text(f" {loss:<9}", style),
            page.ink.text(f"{saved / (last + 1):>4.0%}", "cyan"),
            page.ink.text(f" {_bar(saved / (last + 1), room // 2, page.options.ascii)}", "cyan"),
        )


def _spaced(advice: PatienceAdvice) -> list[int]:
    """About `ROWS` patiences, closer together where they are small, up to the first that never stops."""
    useful = int(np.argmax(advice.saved == 0)) + 1 if (advice.saved == 0).any() else len(advice.patience)
    return sorted({round(float(each)) for each in np.geomspace(1, max(1, useful), ROWS)})


def _bar(share: float, room: int, ascii: bool) -> str:
    cells = share * room
    if ascii:
        return "#" * round(cells)
    return "█" * int(cells) + " ▏▎▍▌▋▊▉"[int(cells % 1 * 8)].strip()


def _recommended(page: Page, advice: PatienceAdvice) -> Text:
    if advice.recommended is None:
        return page.ink.text(
            f"no telling: the best level came at the end (best epoch {advice.best_epoch}), "
            "so no patience was put to the test",
            "yellow",
        )
    delta = f", min_delta={float(f'{advice.min_delta:.1g}'):g}" if advice.min_delta > 0 else ""
    mode = "" if advice.mode == "min" else ", mode='max'"
    code = f"EarlyStopping({advice.monitor!r}, patience={advice.recommended}{delta}{mode}, restore_best_weights=True)"
    return Text.assemble(
        page.ink.text(code, "green"),
        page.ink.text(
            f" stops at about epoch {advice.expected_stop} and keeps the best level, within its noise, "
            f"in {advice.safety:.0%} of the replicas ({SAFE:.0%} asked for)"
        ),
    )


def _least(advice: PatienceAdvice) -> str:
    low, high = advice.interval
    span = f"{low} to {high} in 8 of 10" if low != high else f"{low} in most"
    return f"the least patience that loses nothing is {span} replicas of this curve with fresh noise"


def _outlook(page: Page, advice: Advice) -> Text:
    outlook = advice.outlook
    style = {"stop": "red", "go on": "green"}.get(outlook.answer, "yellow")
    head = page.ink.text(outlook.answer, f"bold {style}")
    if np.isnan(outlook.value):
        return Text.assemble(head, page.ink.text(f": {outlook.reason}"))
    low, high = (short(each, 3) for each in outlook.interval)
    where = (
        f"in {counted(outlook.horizon, 'more epoch')} the level is {low} to {high} ({STATED:.0%} interval)"
    )
    return Text.assemble(
        head, page.ink.text(f": {where}, best so far {short(outlook.best, 3)}; {outlook.reason}")
    )


def _together(page: Page, advices: Sequence[Advice]) -> None:
    """The patience that is safe for every run that can tell."""
    known = [
        (each.patience.recommended, each.run) for each in advices if each.patience.recommended is not None
    ]
    page.line(page.ink.text(f"all {len(advices)} runs", "bold"))
    if not known:
        page.beside("use", page.ink.text("no telling: no run put a patience to the test", "yellow"))
        return
    most, run = max(known)
    page.beside(
        "use",
        Text.assemble(
            page.ink.text(f"patience={most}", "green"),
            page.ink.text(f" serves the {counted(len(known), 'run')} that can tell; {run} needs it"),
        ),
    )
