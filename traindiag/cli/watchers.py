"""Where watched runs are shown: a compact live table on a terminal, else plain lines."""

from __future__ import annotations

import os
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from traindiag.cli.console import plain_console
from traindiag.cli.stage import EVERY
from traindiag.replay.play_text import Commentary
from traindiag.reports.ink import Ink
from traindiag.reports.numbers import counted, short
from traindiag.reports.sparkline import sparklines

if TYPE_CHECKING:
    from traindiag.replay.watcher import Event, Watched, Watcher
    from traindiag.reports.base import Options

KEPT = 12
"""Lines of news kept below the live table."""
MOST_RUNS = 20
MOST_REASONS = 3
NAME, SPARK = 20, 16


class View(Protocol):
    """Shows what happens."""

    def __enter__(self) -> View: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, event: Event) -> None:
        """Something happened."""

    def refresh(self, watcher: Watcher) -> None:
        """A look is over."""


def waiting_for(watcher: Watcher) -> str:
    """Why there is nothing to show yet: a misspelt path and a log without permission look alike otherwise."""
    reasons = []
    for follower in watcher.followers:
        if follower.unreadable:
            reasons += [f"{each.path}: {each.message}" for each in follower.unreadable]
        elif os.path.lexists(follower.path):
            reasons.append(f"no file in {follower.path} yet")
        else:
            reasons.append(f"{follower.path} is not there yet")
    return f"waiting for a log; Ctrl-C ends ({'; '.join(reasons[:MOST_REASONS])})"


class LinesView:
    """Plain lines: every tenth epoch, and every one with news or another verdict."""

    def __init__(self, options: Options, *, every: bool) -> None:
        self.every = every
        self.console = plain_console(options.width, color=options.color)
        self.commentary = Commentary(Ink(options), options.width)
        self._verdicts: dict[str, str] = {}
        self._run = ""
        self._waiting = ""

    def __enter__(self) -> LinesView:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: Event) -> None:
        verdict = event.report.verdict.rule
        ink = self.commentary.ink
        if event.kind in ("gone", "restarted"):
            what = "is no longer there" if event.kind == "gone" else "begins again"
            self._print(Text.assemble(ink.text(event.run, "bold"), ink.text(f" {what}", "yellow")))
            self._run, self._verdicts = "", {**self._verdicts, event.run: ""}
            return
        news = bool(event.change) or verdict != self._verdicts.get(event.run)
        self._verdicts[event.run] = verdict
        if not (news or self.every or event.epoch % EVERY == 0):
            return
        if event.run != self._run:
            self._print(ink.text(event.run, "bold"))
            self._print(self.commentary.head(event.report))
            self._run = event.run
        if event.kind == "epoch":
            self._print(self.commentary.epoch(event.epoch, event.logs, event.report))
        for line in self.commentary.news(event.change):
            self._print(line)

    def refresh(self, watcher: Watcher) -> None:
        if not watcher.runs and self._waiting != (words := waiting_for(watcher)):
            self._waiting = words
            self._print(self.commentary.ink.text(words, "dim"))

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)
        self.console.file.flush()


class LiveView:
    """A row a run, with its curves, redrawn when something changed; the latest news below."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.console = plain_console(options.width, color=options.color)
        self.ink = Ink(options)
        self.commentary = Commentary(self.ink, options.width)
        self._news: deque[Text] = deque(maxlen=KEPT)
        self._live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        self._changed = True

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, event: Event) -> None:
        self._changed = True
        if event.change or event.kind != "epoch":
            said = {"gone": "is no longer there", "restarted": "begins again"}.get(event.kind, "")
            self._news.append(self.ink.text(f"{event.run}, epoch {event.epoch} {said}".rstrip(), "bold"))
            self._news.extend(self.commentary.news(event.change))

    def refresh(self, watcher: Watcher) -> None:
        if self._changed or not watcher.runs:
            self._changed = False
            rows = [self._row(name, run) for name, run in sorted(watcher.runs.items())[:MOST_RUNS]]
            hidden = len(watcher.runs) - len(rows)
            if hidden > 0:
                rows.append(self.ink.text(f"  and {counted(hidden, 'more run')}", "dim"))
            if not rows:
                rows.append(self.ink.text(waiting_for(watcher), "dim"))
            self._live.update(Group(*rows, Text(), *self._news), refresh=True)

    def _row(self, name: str, run: Watched) -> Text:
        report = run.report
        curves = [report.curve("train", "loss"), report.curve("val", "loss")]
        shown = curves[1] if curves[1] is not None else curves[0]
        value = "" if shown is None or not len(shown) else short(float(shown.value[-1]))
        line = sparklines(curves, SPARK, ascii=self.options.ascii)[1 if curves[1] is not None else 0]
        title = self.ink.tail(name, NAME)
        state = "stalled" if run.stalled else report.verdict.rule
        return Text.assemble(
            self.ink.verdict_mark(report.verdict),
            " ",
            title,
            " " * (NAME - title.cell_len),
            self.ink.text(f"{run.epoch:>7} {value:>9}  "),
            self.ink.text(f"{line:<{SPARK}}  ", "magenta"),
            self.ink.text(state, "yellow" if run.stalled else self.ink.verdict_style(report.verdict)),
        )
