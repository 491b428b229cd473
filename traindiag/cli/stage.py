"""Where a replay is shown: a live view on a terminal, else plain lines."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from traindiag.cli.console import plain_console
from traindiag.replay.play_text import Commentary
from traindiag.reports.ink import Ink

if TYPE_CHECKING:
    from traindiag.replay.changes import Known
    from traindiag.replay.play import Moment
    from traindiag.reports.base import Options

EVERY = 10
"""Lines without news are shown for every tenth epoch."""
KEPT = 8
"""Lines of news kept below the live chart."""


class Stage(Protocol):
    """Shows moments as they come."""

    def __enter__(self) -> Stage: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, moment: Moment) -> None:
        """The next epoch."""

    def end(self, known: Known) -> None:
        """What to remember of the run."""


def summary(known: Known, commentary: Commentary) -> Text:
    """When traindiag first would have warned."""
    if known.first is None:
        return commentary.ink.text("no warning at any epoch", "green")
    epoch, finding = known.first
    return Text.assemble(
        commentary.ink.text(f"first warning after epoch {epoch}: ", "bold"), commentary.ink.text(finding.rule)
    )


class LinesStage:
    """Plain lines: the first and last epoch, every tenth, and every one with news."""

    def __init__(self, options: Options, name: str, *, every: bool) -> None:
        self.every = every
        self.console = plain_console(options.width, color=options.color)
        self.commentary = Commentary(Ink(options), options.width)
        self.name = name
        self._verdict = ""
        self._last: Moment | None = None
        self._shown = -1

    def __enter__(self) -> LinesStage:
        self._print(self.commentary.ink.text(self.name, "bold"))
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, moment: Moment) -> None:
        if self._last is None:
            self._print(self.commentary.head(moment.report))
        self._last = moment
        verdict = moment.report.verdict.rule
        if self.every or moment.change or verdict != self._verdict or moment.epoch % EVERY == 0:
            self._line(moment)
        self._verdict = verdict

    def end(self, known: Known) -> None:
        if self._last is not None and self._shown != self._last.epoch:
            self._line(self._last)
        self._print(summary(known, self.commentary))
        self._print(Text())

    def _line(self, moment: Moment) -> None:
        self._shown = moment.epoch
        self._print(self.commentary.epoch(moment.epoch, moment.logs, moment.report))
        for line in self.commentary.news(moment.change):
            self._print(line)

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


class LiveStage:
    """The curves, redrawn at each epoch, with the latest news below."""

    def __init__(self, options: Options, name: str) -> None:
        self.options = options
        self.console = plain_console(options.width, color=options.color)
        self.commentary = Commentary(Ink(options), options.width)
        self._news: list[Text] = []
        self._live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> LiveStage:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, moment: Moment) -> None:
        from traindiag.reports.braille import terminal_chart

        for number, line in enumerate(self.commentary.news(moment.change)):
            head = f"epoch {moment.epoch}" if number == 0 else ""
            if head:
                self._news.append(self.commentary.ink.text(head, "dim"))
            self._news.append(line)
        self._news = self._news[-KEPT:]
        chart = terminal_chart(moment.report, self.options, height=12)
        now = self.commentary.epoch(moment.epoch, moment.logs, moment.report)
        self._live.update(Group(chart, now, *self._news), refresh=True)

    def end(self, known: Known) -> None:
        self._live.console.print(summary(known, self.commentary))
