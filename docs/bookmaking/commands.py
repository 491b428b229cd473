"""The pages of the commands, from the command line itself."""

from __future__ import annotations

import inspect
import re
from typing import Any

import typer

from bookmaking.pages import Shelf, page, safe, table, toctree
from traindiag.cli.app import COMMANDS, build

INTRODUCTION = """# Commands

Data go to standard output and talk goes to standard error, so that reports can be piped. `-` is standard input. Colours
heed `NO_COLOR` and `FORCE_COLOR`. Errors are one line: what, where, next step.

| exit code | means |
| --- | --- |
| 0 | fine |
| 1 | a gate failed: `check`, or `--fail-on` of another command |
| 2 | wrong use, or nothing could be read or judged |
| 3 | a fault of traindiag's own; `--debug` shows the traceback |
| 130 | stopped with Ctrl-C |

**Completion.** `traindiag --install-completion` installs completion of commands and options for bash, zsh, fish or
PowerShell, whichever runs; `traindiag --show-completion` only prints it.
"""


def write(shelf: Shelf) -> None:
    """The index and one page a command."""
    group: Any = typer.main.get_command(build())
    rows = []
    for name in COMMANDS:
        command = group.commands[name]
        rows.append([f"[{name}]({name}.md)", safe(_paragraphs(command)[0])])
        shelf.put(f"reference/cli/{name}.md", _page(name, command))
    listing = page("## All of them", table(["command", "does"], rows))
    options = page(
        "## Options of traindiag itself",
        _options(group.params),
        "They stand before the command: `traindiag --debug analyze logs/`.",
    )
    shelf.put("reference/cli/index.md", page(INTRODUCTION, listing, options, toctree(COMMANDS)))


def _page(name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join(["traindiag", name, "[OPTIONS]", *(_usage(each) for each in arguments)])
    return page(
        f"# traindiag {name}",
        f"```text\n{usage}\n```",
        *(safe(text) for text in _paragraphs(command)),
        _examples(command.epilog or ""),
        page("## Arguments", _arguments(arguments)) if arguments else "",
        page("## Options", _options(options)),
    )


def _paragraphs(command: Any) -> list[str]:
    text = inspect.cleandoc(command.help or command.callback.__doc__ or "")
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _usage(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _arguments(arguments: list[Any]) -> str:
    return table(["argument", "what it is"], [[f"`{_usage(each)}`", _help(each)] for each in arguments])


def _options(options: list[Any]) -> str:
    shown = [each for each in options if not each.hidden]
    rows = [[_names(each), _help(each)] for each in shown]
    return table(["option", "what it does"], rows)


def _names(option: Any) -> str:
    value = "" if option.is_flag else " " + _value(option)
    return ", ".join(f"`{name}{value}`" for name in sorted(option.opts, key=len, reverse=True))


def _value(option: Any) -> str:
    """What the option takes: its metavar, its choices, or the kind of number."""
    if option.metavar:
        return str(option.metavar)
    annotation = option.type_descriptor.annotation
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return "|".join(str(each.value) for each in annotation)
    return {"int": "NUMBER", "float": "NUMBER"}.get(getattr(annotation, "__name__", ""), "TEXT")


def _help(parameter: Any) -> str:
    text = safe(_bare(parameter.help or ""))
    default = _default(parameter)
    return f"{text} Default: {default}." if default else text


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return safe(shown)
    value = parameter.default
    if value is None or value is False or shown is False or callable(value):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def _bare(text: str) -> str:
    """Without the tags of rich's markup, ``[bold]``."""
    return re.sub(r"\[/?(?:bold|dim|italic)\]", "", text)


def _examples(epilog: str) -> str:
    lines = [line for line in _bare(epilog).strip().splitlines() if line.startswith("$")]
    return page("## Examples", "\n".join(["```text", *lines, "```"])) if lines else ""
