"""A web page that needs no network, and the pictures on it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from traindiag.reports.charts import Chart
from traindiag.reports.svg import chart_svg
from traindiag.reports.templating import asset, rendered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One chart of a run: its drawing, and its numbers for the pointer to show."""

    chart: Chart
    svg: Markup
    data: Markup


def web_page(template: str, **values: Any) -> str:
    """A template that extends ``page.html.j2``, filled in.

    Its content security policy allows only the style and the script inside it, by their hashes; nothing is fetched
    or sent.
    """
    style, script = asset("page.css"), asset("page.js")
    text = rendered(
        template,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        newline=Markup("\n"),
        **values,
    )
    return text.rstrip() + "\n"


def picture(chart: Chart, label: str) -> Picture:
    """A chart drawn, with its numbers; the label is read aloud where it cannot be seen."""
    return Picture(chart=chart, svg=chart_svg(chart, label), data=_data(chart))


def _data(chart: Chart) -> Markup:
    """The values behind a chart as JSON, to go into a ``<script type="application/json">``."""
    document = {
        "axis": chart.axis,
        "lines": [
            {
                "name": line.name,
                "kind": line.kind,
                "epoch": line.epoch.tolist(),
                "value": [_rounded(value) for value in line.value.tolist()],
            }
            for line in chart.lines
        ],
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    # Inside a script element only these could end it or start a comment.
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.4g}")


def _policy(style: str, script: str) -> str:
    """Only this style and this script; no request of any kind."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
