"""The ``traindiag`` command: which commands there are, and how errors become one line and an exit code.

Exit codes: 0 fine; 1 a gate failed; 2 wrong use, or nothing readable; 3 a fault of our own; 130 Ctrl-C.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, cast

import typer

from traindiag.cli.output import say
from traindiag.model.errors import TraindiagError

OK, FAILED, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 130
COMMANDS = (
    "demo",
    "analyze",
    "check",
    "compare",
    "plot",
    "replay",
    "watch",
    "train",
    "run",
    "rules",
    "explain",
    "readers",
    "cache",
)
EXAMPLES = """[bold]Examples[/bold]
$ traindiag demo                          sample runs, diagnosed: start here
$ traindiag analyze logs/                 what went wrong and what to change
$ traindiag analyze logs/ -o report.json  the same for programs
$ traindiag train overfitting --out demo  train a model that overfits
$ traindiag explain overfitting           what it means and what helps
"""


def _version(wanted: bool) -> None:
    if wanted:
        from traindiag import __version__
        from traindiag.cli.environment import environment

        typer.echo("\n".join([f"traindiag {__version__}", *environment()]))
        raise typer.Exit


def start(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Print the version and what a bug report needs, and leave.",
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Reads the logs that training runs leave behind, says what went wrong and where, and what to change."""


def build(commands: tuple[str, ...] = COMMANDS) -> typer.Typer:
    """The application with some of its commands; each lives in the module of its name."""
    app = typer.Typer(
        name="traindiag",
        no_args_is_help=True,
        epilog=EXAMPLES,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(start)
    for name in commands:
        module = importlib.import_module(f"traindiag.cli.{name}")
        command: Callable[..., None] = getattr(module, name)
        context = getattr(module, "CONTEXT", None)
        epilog = getattr(module, "EXAMPLES", None)
        app.command(
            name, help=_help(command), epilog=epilog, no_args_is_help=_needs(name), context_settings=context
        )(command)
    return app


def _help(command: Callable[..., None]) -> str:
    """The docstring with every paragraph on one line: Typer keeps the line breaks it finds."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _needs(name: str) -> bool:
    return name in ("analyze", "plot", "replay", "watch", "explain", "cache")


def main(arguments: list[str] | None = None) -> None:
    """The console script: run a command and exit with its code."""
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """Run one command line and give its exit code; every error becomes one line on standard error."""
    try:
        code = _called(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of our output is gone: that is no error. Python must not flush into it again on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if "--debug" in words:
            raise
        return _explained(error, words)


def _called(words: list[str]) -> int:
    chosen = next((word for word in words if not word.startswith("-")), None)
    # Only the command that is run is loaded; help and completion need them all.
    completing = "_TRAINDIAG_COMPLETE" in os.environ
    commands = (chosen,) if chosen in COMMANDS and not completing else COMMANDS
    command = typer.main.get_command(build(commands))
    result = cast(Any, command).main(args=words, prog_name="traindiag", standalone_mode=False)
    return result if isinstance(result, int) else OK


def _explained(error: Exception, words: list[str]) -> int:
    if isinstance(error, TraindiagError):
        say(f"traindiag: error: {error}")
        return USAGE
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if hasattr(error, "format_message"):
        _say_usage(error.format_message(), words)
        return USAGE
    say(f"traindiag: internal error: {type(error).__name__}: {error}; run again with --debug to see where")
    return INTERNAL


def _say_usage(message: str, words: list[str]) -> None:
    """A message of Typer's in the shape of our own: what, then the next step; none where help was shown."""
    if not message:
        return
    message = message.rstrip(".").replace("Value error, ", "").replace("Possible options", "possible options")
    what, _, hint = message.replace(". Did you mean", " (did you mean").partition(" (")
    next_step = hint.rstrip(")") or _analyze_of(words) or "traindiag COMMAND --help tells more"
    say(f"traindiag: error: {what[:1].lower()}{what[1:]}; {next_step}")


def _analyze_of(words: list[str]) -> str:
    """The command somebody meant who gave a path and no command; nothing if it was something else."""
    if not words or words[0] in COMMANDS or not os.path.exists(words[0]):
        return ""
    return f"did you mean traindiag analyze {words[0]}?"
