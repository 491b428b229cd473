"""Draw the pictures of a terminal that the README and the pages show, from what the commands print today.

    python docs/pictures/make_terminal_pictures.py           write them to docs/images
    python docs/pictures/make_terminal_pictures.py --check   end with 1 if one of them is out of date

The pictures are SVG with the reader's own monospaced font: nothing is loaded from elsewhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
COMMANDS = {
    "analyze.svg": "traindiag analyze sample_logs/overfitting",
    "what-if.svg": "traindiag replay sample_logs/lookalikes/noisy --early-stopping patience=5 --reduce-lr patience=3",
    "advise.svg": "traindiag replay sample_logs/lookalikes/step-schedule --advise",
}
COLUMNS = 112
"""As wide as fits a page; only code and the command itself may be longer."""


def printed(command: str) -> str:
    """What a command prints on a terminal with colours."""
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    program = [sys.executable, "-c", "from traindiag.cli.app import main; main()", *command.split()[1:]]
    done = subprocess.run(
        program, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


def picture(command: str, output: str) -> str:
    """A terminal with the command and its output, as SVG; the same output gives the same bytes."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    lines = [
        Text(f"$ {command}", style="bold"),
        *Text.from_ansi(output.rstrip("\n")).split("\n", allow_blank=True),
    ]
    console = Console(
        record=True,
        width=1 + max(line.cell_len for line in lines),
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    # The last line of a picture is cut off at its lower edge: let that be an empty one.
    for line in [*lines, Text()]:
        console.print(line, soft_wrap=True)
    svg = console.export_svg(title="", theme=MONOKAI, unique_id="terminal")
    return _without_fonts(svg)


def _without_fonts(svg: str) -> str:
    """The font would be fetched from a host elsewhere, and no code host lets a picture do that."""
    svg = re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.S)
    svg = svg.replace(
        "font-family: Fira Code, monospace", "font-family: ui-monospace, Menlo, Consolas, monospace"
    )
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> int:
    """Write or check all pictures."""
    stale = []
    for name, command in COMMANDS.items():
        path, svg = IMAGES / name, picture(command, printed(command))
        if path.exists() and path.read_text(encoding="utf-8") == svg:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(svg, encoding="utf-8")
    for name in stale:
        print(("out of date: " if "--check" in sys.argv else "wrote ") + name)
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
