"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from traindiag.cli import completing
from traindiag.cli.terminal import Color
from traindiag.model.finding import Severity

PathsArgument = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Log files, folders or URLs; - is stdin.")
]
ColorOption = Annotated[
    Color, typer.Option("--color", help="When to colour; auto heeds NO_COLOR and FORCE_COLOR.")
]


class ListFormat(StrEnum):
    """How a catalogue is printed."""

    TEXT = "text"
    JSON = "json"


ListFormatOption = Annotated[ListFormat, typer.Option("--format", "-f", help="For people or for programs.")]

FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        autocompletion=completing.formats,
        help="text, json, jsonl, csv, markdown, html, notebook, junit, sarif or github. Default: by -o, else text.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write here; the suffix picks the format."),
]
OutputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="[FORMAT:]FILE",
        help="Write here; the suffix picks the format. Several times for several files; - is standard output.",
    ),
]
PlotsOption = Annotated[
    Path | None, typer.Option("--plots", metavar="DIR", help="Write a figure of each run here.")
]
TensorBoardOption = Annotated[
    bool,
    typer.Option("--to-tensorboard", help="Write each verdict beside its run, for TensorBoard's Text page."),
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="RULE",
        help="Only these rules: names, codes, or beginnings of codes.",
        autocompletion=completing.rules,
    ),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="RULE", help="All but these rules.", autocompletion=completing.rules),
]
MinSeverityOption = Annotated[Severity, typer.Option("--min-severity", help="Leave out findings below this.")]
ReaderOption = Annotated[
    str | None,
    typer.Option(
        "--reader", metavar="NAME", help="Read every file as this format.", autocompletion=completing.readers
    ),
]
MapOption = Annotated[
    list[str] | None, typer.Option("--map", metavar="A=B", help="Column A is the metric B (val_loss).")
]
HistogramsOption = Annotated[
    bool,
    typer.Option(
        "--histograms",
        help="Reduce histograms in event files to norms and shares of zeros, and judge these, too. Slower.",
    ),
]
GroupByOption = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        metavar="REGEX",
        help="Runs that differ only in what this matches are seeds of one setting. Default: seed-1, seed_2, ...",
    ),
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="GLOB", help="Below folders only files and folders that match."),
]
ExcludeOption = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Not the files and folders that match.")
]
JobsOption = Annotated[
    str,
    typer.Option("--jobs", "-j", metavar="N", help="Processes that work; auto is one a core, for many runs."),
]
DaskOption = Annotated[
    str | None,
    typer.Option(
        "--dask", metavar="ADDRESS", help="Let a Dask cluster work: tcp://scheduler:8786, or local."
    ),
]
NoCacheOption = Annotated[
    bool, typer.Option("--no-cache", help="Read and judge every run anew, also those not changed since.")
]
RunOption = Annotated[
    list[str] | None,
    typer.Option("--run", metavar="GLOB", help="Tell only of the runs whose name matches, in full."),
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Every evidence, remedy and rule not checked.")
]


def words(values: list[str] | None) -> list[str]:
    """``--select TD1,overfitting --select TD2`` as one list."""
    return [word.strip() for value in values or () for word in value.split(",") if word.strip()]
