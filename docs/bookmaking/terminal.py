"""The ``{terminal}`` block: commands in a page, shown with what they print today.

    ```{terminal}
    $ traindiag analyze sample_logs/overfitting
    ```

Nothing that traindiag says is copied into a page: the commands run when the book is built, in an empty folder that
holds ``sample_logs``. On a code host the block shows the command. An exit code that is not 0 is told to the block:
``:code: 1``.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
WIDTH = 80
COLORS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
"""The eight colours of a terminal, by number; the bright ones are shown as these."""


def setup(app: Any) -> None:
    """Register with Sphinx."""
    app.add_directive("terminal", Terminal)


class Terminal(SphinxDirective):
    """A picture of a terminal, in HTML."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"code": directives.nonnegative_int}

    def run(self) -> list[nodes.Node]:
        """The commands with what they print."""
        commands = [line.removeprefix("$ ") for line in self.content if line.startswith("$ ")]
        expected = self.options.get("code", 0)
        with sandbox():
            shown = [self._shown(command, expected) for command in commands]
        html = f'<div class="terminal"><pre tabindex="0">{"".join(shown)}</pre></div>'
        return [nodes.raw("", html, format="html")]

    def _shown(self, command: str, expected: int) -> str:
        code, printed = called(command)
        if code != expected:
            raise self.error(f"`{command}` ended with {code}, not {expected}: {printed}")
        return f'<b class="prompt">$ {escape(command)}</b>\n{as_html(printed)}'


@contextlib.contextmanager
def sandbox() -> Iterator[Path]:
    """An empty folder to be in, with the sample logs, and as ``logs`` one that can be written."""
    import shutil

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        (here / "sample_logs").symlink_to(ROOT / "sample_logs", target_is_directory=True)
        shutil.copytree(ROOT / "sample_logs" / "overfitting", here / "logs")
        os.chdir(here)
        try:
            yield here
        finally:
            os.chdir(before)


def called(command: str) -> tuple[int, str]:
    """The exit code of a command of traindiag, and what it prints, with colours; both streams together."""
    from traindiag.cli.app import run

    program, *words = shlex.split(command)
    if program != "traindiag":
        raise ValueError(f"only traindiag runs here, not {program}")
    # A text without bytes below it has no encoding, and would get ASCII only.
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with _environment(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            code = run(words)
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
    printed.seek(0)
    return code, printed.read()


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    wanted = {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    before = {name: os.environ.get(name) for name in [*wanted, "NO_COLOR"]}
    os.environ.update(wanted)
    os.environ.pop("NO_COLOR", None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def as_html(printed: str) -> str:
    """ANSI colours as spans with classes of the style sheet."""
    from rich.text import Text

    parts = []
    for line in Text.from_ansi(printed.rstrip("\n")).split("\n", allow_blank=True):
        at = 0
        for start, end, classes in _runs(line):
            parts.append(escape(line.plain[at:start]))
            parts.append(f'<span class="{classes}">{escape(line.plain[start:end])}</span>')
            at = end
        parts.append(escape(line.plain[at:]) + "\n")
    return "".join(parts)


def _runs(line: Any) -> Iterator[tuple[int, int, str]]:
    """Stretches of a line with a style: start, end, classes."""
    for span in sorted(line.spans, key=lambda span: span.start):
        classes = _classes(span.style)
        if classes:
            yield span.start, span.end, classes


def _classes(style: Any) -> str:
    from rich.style import Style

    known = Style.parse(style) if isinstance(style, str) else style
    names = [name for name in ("bold", "dim", "underline", "italic") if getattr(known, name)]
    number = None if known.color is None else known.color.number
    if number is not None and number < 16:
        names.append(COLORS[number % 8])
    return " ".join(names)
