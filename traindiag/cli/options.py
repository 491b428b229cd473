"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from traindiag.cli.terminal import Color

ColorOption = Annotated[
    Color, typer.Option("--color", help="When to colour; auto heeds NO_COLOR and FORCE_COLOR.")
]


class ListFormat(StrEnum):
    """How a catalogue is printed."""

    TEXT = "text"
    JSON = "json"


ListFormatOption = Annotated[ListFormat, typer.Option("--format", "-f", help="For people or for programs.")]
