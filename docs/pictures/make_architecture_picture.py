"""Draw the picture of the page on architecture.

python docs/pictures/make_architecture_picture.py           write it to docs/images
python docs/pictures/make_architecture_picture.py --check   end with 1 if it is out of date
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "images" / "architecture.svg"
WIDTH, HEIGHT = 1000, 430
BOX, GAP, TALL = 128, 38, 84
INK, LINE, ROOM, DATA, SIDE = "#1d2a35", "#5b6b78", "#e3f0f8", "#fdf3dc", "#eaf4ea"


@dataclass(frozen=True)
class Box:
    """A room (rounded) or what is handed from room to room (square): name and up to three lines of words."""

    name: str
    words: tuple[str, ...]
    column: float
    row: float
    color: str = ROOM

    @property
    def x(self) -> float:
        """Left edge."""
        return 24 + self.column * (BOX + GAP)

    @property
    def y(self) -> float:
        """Upper edge."""
        return 24 + self.row * 146

    @property
    def middle(self) -> tuple[float, float]:
        """Centre."""
        return self.x + BOX / 2, self.y + TALL / 2


FILES = Box("log files", ("CSV, events, JSON,", "text, pickles, ..."), 0, 0, DATA)
READERS = Box("readers", ("one a format", "by content"), 1, 0)
RUN = Box("Run", ("a tidy frame:", "split, metric,", "epoch, value"), 2, 0, DATA)
ANALYSIS = Box("analysis", ("pure functions", "on arrays"), 3, 0)
RULES = Box("rules", ("one an illness,", "each with its", "own examples"), 4, 0)
DIAGNOSIS = Box("diagnosis", ("one verdict,", "causes before", "symptoms"), 5, 0)
CAPTURE = Box("capture", ("records Keras:", "scripts, fits,", "scenarios"), 0, 2, SIDE)
FLEET = Box("fleet", ("many runs at once:", "processes, Dask,", "a cache"), 1, 2, SIDE)
REPLAY = Box("replay", ("callbacks played", "back; growing logs"), 2, 2, SIDE)
REPORT = Box("Report", ("plain data,", "a schema"), 5, 1, DATA)
CHECK = Box("check", ("the gate: levels,", "budgets, baselines"), 4, 1)
COMPARISON = Box("comparison", ("seeds and settings", "side by side"), 3, 1)
REPORTS = Box("reports, plots", ("one file a format;", "text, HTML, JSON,", "SARIF, figures"), 5, 2)
CLI = Box("cli, Python", ("the only room that", "prints and exits"), 4, 2)

BOXES = (
    *(FILES, READERS, RUN, ANALYSIS, RULES, DIAGNOSIS, CAPTURE, FLEET, REPLAY, REPORT, CHECK, COMPARISON),
    *(REPORTS, CLI),
)
ARROWS = (
    *((FILES, READERS), (READERS, RUN), (RUN, ANALYSIS), (ANALYSIS, RULES), (RULES, DIAGNOSIS)),
    *((DIAGNOSIS, REPORT), (REPORT, CHECK), (REPORT, REPORTS), (CHECK, CLI), (REPORTS, CLI)),
    *((ANALYSIS, COMPARISON), (CAPTURE, FILES), (FLEET, READERS), (REPLAY, RUN)),
)


def box(each: Box) -> str:
    """A box with its words."""
    corner = 4 if each.color == DATA else 12
    x, y = each.middle[0], each.y + 22
    lines = [f'<text x="{x:g}" y="{y:g}" class="name">{escape(each.name)}</text>']
    lines += [
        f'<text x="{x:g}" y="{y + 19 + 15 * number:g}">{escape(words)}</text>'
        for number, words in enumerate(each.words)
    ]
    shape = f'<rect x="{each.x:g}" y="{each.y:g}" width="{BOX}" height="{TALL}" rx="{corner}" fill="{each.color}"/>'
    return "\n".join([shape, *lines])


def arrow(start: Box, end: Box) -> str:
    """From edge to edge: along a row, or up and down a column."""
    (x1, y1), (x2, y2) = start.middle, end.middle
    if start.row == end.row:
        side = BOX / 2 if x2 > x1 else -BOX / 2
        x1, x2 = x1 + side, x2 - side
    else:
        side = TALL / 2 if y2 > y1 else -TALL / 2
        y1, y2 = y1 + side, y2 - side
    return f'<path d="M{x1:g} {y1:g} L{x2:g} {y2:g}" marker-end="url(#head)"/>'


def picture() -> str:
    """The whole picture as SVG."""
    style = (
        f"text {{ font: 12px system-ui, sans-serif; fill: {INK}; text-anchor: middle }} "
        ".name { font-weight: 700; font-size: 14px } "
        f"path {{ stroke: {LINE}; stroke-width: 1.6; fill: none }} rect {{ stroke: {LINE}; stroke-width: 1 }}"
    )
    head = (
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<polygon points="0,0 8,4 0,8" fill="{LINE}"/></marker>'
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>Rooms of traindiag and what they hand on</title>",
        f"<style>{style}</style><defs>{head}</defs>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff" style="stroke: none"/>',
        *(arrow(start, end) for start, end in ARROWS),
        *(box(each) for each in BOXES),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Write or check the picture."""
    if PICTURE.exists() and PICTURE.read_text(encoding="utf-8") == picture():
        return 0
    if "--check" in sys.argv:
        print(f"out of date: {PICTURE.name}")
        return 1
    PICTURE.write_text(picture(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
