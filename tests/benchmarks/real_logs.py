#!/usr/bin/env python3
"""Read every file of a collection of real logs and print, beside what its index says, what was read.

    python tests/benchmarks/real_logs.py --logs COLLECTION

The collection holds ``INDEX.csv`` with a row a file: its ``path``, its number of rows ``n_points``, and the names of
its columns or tags in ``metrics``. A row of the table printed here: the file, the reader, points in the index and
read, metrics in the index and read, and whether they agree. Points read are those of the longest series of each run
in the file; of Lightning's, which writes a row for a step and one for the epoch, those of both losses together.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from traindiag.model.run import Run
from traindiag.readers.discover import find_runs

AXES = {"step", "(index)", "epoch", "", "iteration"}


def row_of(path: Path, index: dict[str, str]) -> tuple[str, ...]:
    found = find_runs([path])
    names = [name for name in index["metrics"].split("|") if name not in AXES]
    known = "?" if "in all" in index["metrics"] else str(len(names))
    if not found.runs:
        why = found.unreadable[0].message if found.unreadable else "nothing found"
        return "-", index["n_points"], "-", known, "-", f"refused: {why}"
    points = sum(map(rows_of, found.runs))
    metrics = {(each.split, each.metric) for run in found.runs for each in run.series}
    same = str(points) == index["n_points"] and known in ("?", str(len(metrics)))
    readers = "/".join(sorted({run.source.reader for run in found.runs}))
    return readers, index["n_points"], str(points), known, str(len(metrics)), "same" if same else "DIFFERS"


def rows_of(run: Run) -> int:
    """How many rows the log of a run had."""
    lengths = {(each.split, each.metric): len(each) for each in run.series}
    by_step = lengths.get(("train", "loss_step"))
    return lengths["train", "loss"] + by_step if by_step else max(lengths.values())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--logs", type=Path, required=True, help="folder with INDEX.csv")
    args = parser.parse_args()
    with (args.logs / "INDEX.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    print("| file | reader | points, index | read | metrics, index | read | |\n|---|---|--:|--:|--:|--:|---|")
    told = [row_of(args.logs / row["path"], row) for row in rows]
    for row, cells in zip(rows, told, strict=True):
        print(f"| {row['path']} | {' | '.join(cells)} |")
    same = sum(cells[-1] == "same" for cells in told)
    refused = sum(cells[-1].startswith("refused") for cells in told)
    print(f"\n{len(rows)} files: {same} the same, {refused} refused, {len(rows) - same - refused} differ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
