"""HTML from templates: everything escaped, every control and bidi character visible."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from traindiag.reports.numbers import short
from traindiag.reports.sanitise import sanitise, sanitise_lines
from traindiag.reports.words import sentence

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(template: str, **values: Any) -> str:
    """A template of ``templates/`` filled in."""
    return _environment().get_template(template).render(**values)


def asset(name: str) -> str:
    """The text of a style sheet or script of ``templates/``."""
    return files("traindiag.reports").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("traindiag.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(short=short, sentence=sentence, code_lines=sanitise_lines)
    return environment


def _safe(value: Any) -> Any:
    from markupsafe import Markup

    return sanitise(value) if isinstance(value, str) and not isinstance(value, Markup) else value
