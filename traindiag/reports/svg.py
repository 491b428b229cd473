"""Charts as inline SVG: no styles of their own, only classes, so that a strict policy lets them be shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from traindiag.reports.charts import Area, Chart, Line
from traindiag.reports.numbers import short
from traindiag.reports.sanitise import sanitise

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 54, 14, 12, 34
SMALL_WIDTH, SMALL_HEIGHT = 132, 30

Scale = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def chart_svg(chart: Chart, label: str) -> Markup:
    """A chart with axes; a linear and, where it can be, a logarithmic view, of which the page shows one."""
    epochs = _span_of([line.epoch for line in chart.lines])
    across = _linear(*epochs, LEFT, WIDTH - RIGHT)
    views = ["lin", "log"] if chart.can_log else ["lin"]
    shown = "log" if chart.log else "lin"
    parts = [
        Markup('<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}" data-left="{}" ').format(
            shown, WIDTH, HEIGHT, sanitise(label), LEFT
        ),
        Markup('data-right="{}" data-first="{}" data-last="{}">').format(WIDTH - RIGHT, *epochs),
        _window(chart, across),
        _across_ticks(epochs, across, chart.axis),
        *(_view(chart, view, across) for view in views),
        _broken(chart.lines, across),
        Markup('<line class="cursor" y1="{}" y2="{}" x1="-9" x2="-9"/>').format(TOP, HEIGHT - BOTTOM),
        Markup("</svg>"),
    ]
    return Markup("").join(parts)


def small_svg(chart: Chart, label: str) -> Markup:
    """A chart without axes for a line of a table."""
    if not chart.lines:
        return Markup("")
    across = _linear(*_span_of([line.epoch for line in chart.lines]), 2, SMALL_WIDTH - 2)
    up = _up(chart, "log" if chart.log else "lin", 3, SMALL_HEIGHT - 3)
    paths = [
        Markup('<path class="line {}" d="{}"/>').format(line.kind, _path(line, across, up))
        for line in chart.lines
    ]
    head = Markup('<svg class="small" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">')
    box = (SMALL_WIDTH, SMALL_HEIGHT, SMALL_WIDTH, SMALL_HEIGHT)
    marks = _crosses(chart.lines, across, SMALL_HEIGHT - 4, 2)
    return Markup("").join([head.format(*box, sanitise(label)), *paths, marks, Markup("</svg>")])


def _view(chart: Chart, view: str, across: Scale) -> Markup:
    up = _up(chart, view, TOP, HEIGHT - BOTTOM)
    parts = [Markup('<g class="view {}">').format(view), _up_ticks(chart, view, up)]
    parts += [
        Markup('<path class="area {}" d="{}"/>').format(area.kind, _outline(area, across, up))
        for area in chart.areas
    ]
    if chart.target is not None and (view == "lin" or chart.target > 0):
        at = round(float(up(np.array([chart.target]))[0]), 1)
        parts.append(Markup('<path class="target" d="M{},{}H{}"/>').format(LEFT, at, WIDTH - RIGHT))
    for span in chart.spans:
        for line in chart.lines:
            if line.kind == span.kind:
                inside = (line.epoch >= span.first) & (line.epoch <= span.last)
                part = Line(name="", kind="", epoch=line.epoch[inside], value=line.value[inside])
                path = _path(part, across, up)
                if path:
                    kind = "span quiet" if span.quiet else "span"
                    parts.append(
                        Markup('<path class="{}" data-n="{}" d="{}"/>').format(kind, span.number, path)
                    )
    parts += [
        Markup('<path class="line {}" d="{}"/>').format(line.kind, _path(line, across, up))
        for line in chart.lines
    ]
    if chart.best is not None and (view == "lin" or chart.best[1] > 0):
        x, y = float(across(np.array([chart.best[0]]))[0]), float(up(np.array([chart.best[1]]))[0])
        ends = (round(x, 1), TOP, HEIGHT - BOTTOM)
        parts.append(Markup('<path class="best-line" d="M{},{}V{}"/>').format(*ends))
        parts.append(
            Markup('<path class="best" d="M{},{}l5,5l-5,5l-5,-5z"/>').format(round(x, 1), round(y - 5, 1))
        )
    return Markup("").join([*parts, Markup("</g>")])


def _window(chart: Chart, across: Scale) -> Markup:
    if chart.window is None or chart.window[0] == chart.window[1]:
        return Markup("")
    start, end = across(np.array(chart.window, dtype=float))
    return Markup('<rect class="window" x="{}" y="{}" width="{}" height="{}"/>').format(
        round(float(start), 1), TOP, round(float(end - start), 1), HEIGHT - TOP - BOTTOM
    )


def _path(line: Line, across: Scale, up: Scale) -> str:
    """Path data: pieces between broken values; a lonely point becomes a dot (a line of no length)."""
    x, y = np.round(across(line.epoch.astype(float)), 1), np.round(up(line.value), 1)
    parts, pen_up = [], True
    for at_x, at_y in zip(x.tolist(), y.tolist(), strict=True):
        if math.isnan(at_y):
            pen_up = True
            continue
        parts.append(f"M{at_x:g},{at_y:g}h0" if pen_up else f"L{at_x:g},{at_y:g}")
        pen_up = False
    return "".join(parts)


def _outline(area: Area, across: Scale, up: Scale) -> str:
    """Path data around an area: along the highest values and back along the lowest."""
    known = np.isfinite(area.low) & np.isfinite(area.high)
    if not known.any():
        return ""
    x = np.round(across(area.epoch[known].astype(float)), 1).tolist()
    high, low = (np.round(up(each[known]), 1).tolist() for each in (area.high, area.low))
    there = "L".join(f"{at_x:g},{at_y:g}" for at_x, at_y in zip(x, high, strict=True))
    back = "L".join(f"{at_x:g},{at_y:g}" for at_x, at_y in zip(x[::-1], low[::-1], strict=True))
    return f"M{there}L{back}Z"


def _broken(lines: Sequence[Line], across: Scale) -> Markup:
    return _crosses(lines, across, HEIGHT - BOTTOM - 6, 3.5)


def _crosses(lines: Sequence[Line], across: Scale, y: float, size: float) -> Markup:
    epochs = sorted({int(epoch) for line in lines for epoch in line.epoch[np.isnan(line.value)]})
    if not epochs:
        return Markup("")
    x = np.round(across(np.array(epochs, dtype=float)), 1).tolist()
    arms = f"l{-2 * size:g},{-2 * size:g}m0,{2 * size:g}l{2 * size:g},{-2 * size:g}"
    path = "".join(f"M{at + size:g},{y + size:g}{arms}" for at in x)
    return Markup('<path class="broken" d="{}"><title>NaN or infinite</title></path>').format(path)


def _across_ticks(epochs: tuple[int, int], across: Scale, axis: str) -> Markup:
    ticks = [tick for tick in nice_ticks(epochs[0], epochs[1], 8) if tick == round(tick)]
    base = HEIGHT - BOTTOM
    parts = [Markup('<path class="axis" d="M{},{}H{}"/>').format(LEFT, base, WIDTH - RIGHT)]
    for tick, x in zip(ticks, across(np.array(ticks)).tolist() if ticks else [], strict=True):
        text = Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>')
        parts.append(text.format(round(x, 1), base + 14, short(tick, 7)))
    title = Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>')
    parts.append(title.format(WIDTH - RIGHT, HEIGHT - 6, axis))
    return Markup("").join(parts)


def _up_ticks(chart: Chart, view: str, up: Scale) -> Markup:
    low, high = _range(chart)
    ticks = log_ticks(low, high) if view == "log" else nice_ticks(low, high, 5)
    parts = []
    for tick, y in zip(ticks, up(np.array(ticks)).tolist() if ticks else [], strict=True):
        at = round(y, 1)
        parts.append(Markup('<path class="grid" d="M{},{}H{}"/>').format(LEFT, at, WIDTH - RIGHT))
        text = Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>')
        parts.append(text.format(LEFT - 6, round(y + 3.5, 1), short(tick)))
    return Markup("").join(parts)


def _up(chart: Chart, view: str, top: float, base: float) -> Scale:
    low, high = _range(chart)
    if view == "lin":
        return _linear(low, high, base, top)
    inner = _linear(math.log(low), math.log(high), base, top)

    def scale(value: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return inner(np.log(value))

    return scale


def _range(chart: Chart) -> tuple[float, float]:
    edges = [edge for area in chart.areas for edge in (area.low, area.high)]
    target = [np.array([chart.target])] if chart.target is not None else []
    values = np.concatenate([*(line.value for line in chart.lines), *edges, *target, np.empty(0)])
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _span_of(epochs: Sequence[NDArray[np.int64]]) -> tuple[int, int]:
    return min(int(each[0]) for each in epochs), max(int(each[-1]) for each in epochs)


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    """Maps low..high to start..end; a range of no length to the middle."""
    if high <= low:
        return lambda value: np.where(np.isnan(value), np.nan, (start + end) / 2)
    return lambda value: start + (value - low) / (high - low) * (end - start)


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers within low..high, at most about `count`."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten within low..high, thinned to seven; of fewer than two decades 1, 2 and 5, else the ends."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    powers = powers[:: max(1, math.ceil(len(powers) / 7))]
    if len(powers) > 2:
        return [10.0**power for power in powers]
    steps = [factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)]
    inside = [step for step in steps if low * (1 - 1e-9) <= step <= high * (1 + 1e-9)]
    if len(inside) >= 2:
        return inside
    return [low, high] if high > low else [low]
