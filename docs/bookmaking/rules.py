"""A page for every rule: its docstring, its options, a figure and its own test cases."""

from __future__ import annotations

from bookmaking.gallery import Picture, picture_of
from bookmaking.pages import Shelf, page, prose, safe, table, toctree
from traindiag.cli.rules import options_of
from traindiag.model.finding import Remedy
from traindiag.rules.base import Rule, all_rules

INTRODUCTION = """# Rules

Every verdict and every further finding comes from one of these rules. A rule has a code that is never used again, a
name, a page with its reasons, options, and runs of its own on which it must fire or stay silent; the tests run
them, and the figures draw the first of them. `traindiag explain RULE` shows the same page in a terminal, and the
[gallery](../reference/gallery.md) shows all figures on one page.

What a run is when a rule is its verdict: *healthy*, *ill*, or *unjudged*, when the log does not tell.
"""


def write(shelf: Shelf) -> None:
    """The index and one page a rule."""
    known = all_rules()
    rows = [
        [rule.code, f"[{rule.name}]({rule.name}.md)", _level(rule), safe(rule.summary())] for rule in known
    ]
    listing = table(["code", "rule", "level", "says"], rows)
    shelf.put("rules/index.md", page(INTRODUCTION, listing, toctree(rule.name for rule in known)))
    for rule in known:
        shelf.put(f"rules/{rule.name}.md", _page(rule))


def _level(rule: type[Rule]) -> str:
    return "healthy" if rule.status == "healthy" else rule.severity.value


def _page(rule: type[Rule]) -> str:
    picture = picture_of(rule)
    return page(
        f"# {rule.name} ({rule.code})",
        _facts(rule),
        safe(rule.summary()),
        _figure(picture),
        prose(rule.page().partition("\n\n")[2]),
        _remedies(picture),
        _options(rule),
        _cases(rule),
        _settings(rule),
    )


def _facts(rule: type[Rule]) -> str:
    facts = [f"**{rule.severity.value}** by default", f"a run with this verdict is **{rule.status}**"]
    if rule.needs:
        facts.append("needs " + ", ".join(f"`{need}`" for need in rule.needs))
    if rule.min_epochs:
        facts.append(f"from {rule.min_epochs} epochs on")
    return "; ".join(facts) + "."


def _figure(picture: Picture) -> str:
    says = f"The run: *{safe(picture.case)}*. traindiag says: {safe(picture.finding.message)}."
    return page(picture.markdown("../reference/figures"), says)


def _remedies(picture: Picture) -> str:
    found = picture.finding.remedies
    if not found:
        return ""
    intro = "The remedies for the run in the picture, with its numbers; the first choice first:"
    return page(
        "## What to change there", intro, *(_remedy(number, each) for number, each in enumerate(found, 1))
    )


def _remedy(number: int, remedy: Remedy) -> str:
    why = f" Why: {safe(remedy.why)}." if remedy.why else ""
    lines = [f"{number}. **{remedy.action}**: {safe(remedy.change)}.{why}"]
    if remedy.snippet:
        lines += ["", "   ```python", *("   " + line for line in remedy.snippet.splitlines()), "   ```"]
    return "\n".join(lines)


def _options(rule: type[Rule]) -> str:
    options = options_of(rule)
    if not options:
        return ""
    rows = [
        [f"`{each['name']}`", f"`{each['default']!r}`", safe(each["help"]), safe(each["source"])]
        for each in options
    ]
    return page(
        "## Options", table(["option", "default", "what it is", "where the default comes from"], rows)
    )


def _cases(rule: type[Rule]) -> str:
    fires, silent = list(rule.fires_on()), list(rule.silent_on())
    if not fires:
        return ""
    return page(
        "## Its own cases",
        "It must fire on:",
        "\n".join(f"- {safe(each.name)}" for each in fires),
        "It must stay silent on:",
        "\n".join(f"- {safe(each.name)}" for each in silent),
    )


def _settings(rule: type[Rule]) -> str:
    options = options_of(rule)
    lines = ["```toml", f"[tool.traindiag.rules.{rule.name}]", 'level = "off"  # note, warning, error or off']
    lines += [f"{each['name']} = {_toml(each['default'])}" for each in options]
    return page(
        "## Settings",
        "In pyproject.toml, for [`traindiag check`](../ci.md); the values shown are the defaults, but for the level:",
        "\n".join([*lines, "```"]),
    )


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
