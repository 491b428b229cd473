"""Put the short table of the READMEs together from the measured ones in docs/comparison.md.

python docs/pictures/make_comparison_table.py           write it into both READMEs
python docs/pictures/make_comparison_table.py --check   end with 1 if it is out of date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1]
BEGIN, END = "<!-- rivals -->", "<!-- /rivals -->"
SOURCES = ("trained", "seeded_faults", "simulated_overfit")
WORDS = {
    DOCS.parent / "README.md": {
        "version": "version",
        "trained": "Keras networks with known faults ({runs} runs)",
        "seeded_faults": "seeded faults ({runs} runs)",
        "simulated_overfit": "simulated overfitting ({runs} runs)",
        "alarms": "false alarms on healthy runs",
        "units": "says the same when losses are times 100, times 0.01",
    },
    DOCS / "README.zh-CN.md": {
        "version": "版本",
        "trained": "带有已知毛病的 Keras 网络（{runs} 次训练）",
        "seeded_faults": "人为引入的故障（{runs} 次训练）",
        "simulated_overfit": "模拟的过拟合（{runs} 次训练）",
        "alarms": "在健康训练上的误报",
        "units": "损失乘以 100、乘以 0.01 后说法不变",
    },
}
Table = dict[str, list[str]]


def tables(page: str) -> dict[str, Table]:
    """The tables of the page by the heading above: the cells of each row by its first cell."""
    found: dict[str, Table] = {}
    heading = ""
    for line in page.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            found.setdefault(heading, {})[first] = cells
    return found


def short_table(page: str, words: Mapping[str, str]) -> str:
    """The table of a README."""
    found = tables(page)
    tools = found[SOURCES[0]]["label"][1:]
    told = next(line for line in page.splitlines() if line.startswith("Versions: "))
    versions = dict(re.findall(r"([\w-]+) ([\d.]+\d)", told))
    rows = [[words["version"], *(versions[tool] for tool in tools)]]
    for source in SOURCES:
        runs, *cells = (cell.strip("*") for cell in found[source]["**macro**"])
        rows.append([words[source].format(runs=runs), *_best(cells)])
    rows.append([words["alarms"], *(_sum(found, column) for column in range(1, len(tools) + 1))])
    units = next(table for heading, table in found.items() if "another unit" in heading)
    pairs = zip(units["x 100"], units["x 0.01"], strict=True)
    rows.append([words["units"], *(f"{large}, {small}" for large, small in pairs)])
    head = ["", *tools]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _best(cells: Sequence[str]) -> list[str]:
    """The cells with the best second figure in bold: what the first sentence says is what people act on."""
    best = max(cell.split("/")[1].strip() for cell in cells)
    return [f"**{cell}**" if cell.split("/")[1].strip() == best else cell for cell in cells]


def _sum(found: Mapping[str, Table], column: int) -> str:
    """False alarms over all sources."""
    pairs = [re.findall(r"\d+", found[source]["false alarms"][column]) for source in SOURCES]
    return f"{sum(int(count) for count, _ in pairs)} of {sum(int(of) for _, of in pairs)}"


def main() -> int:
    """Write or check both READMEs."""
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    stale = []
    for readme, words in WORDS.items():
        text = readme.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        wanted = f"{before}{BEGIN}\n\n{short_table(page, words)}\n\n{END}{rest.split(END)[1]}"
        if text != wanted:
            stale.append(readme.name)
            if "--check" not in sys.argv:
                readme.write_text(wanted, encoding="utf-8")
    for name in stale:
        print(("out of date: " if "--check" in sys.argv else "wrote ") + name)
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
