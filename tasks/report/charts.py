"""Geometry of the page's charts, in a box of 320 x 150 units; the template draws them as inline SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 320.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 12.0, 8.0, 22.0
MAX_POINTS = 300
BINS = 32
DASH = 4.0
MIN_BAR = 1.0  # so that a single image among thousands is seen
LONG_TAIL_RATIO = 8.0  # a largest value beyond so many medians makes the axis logarithmic


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in units of the box, and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `kind` is its style."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars, or lines as SVG path data, with ticks. `alt` says in words what is to be seen."""

    title: str
    alt: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()  # name, path data
    mark: Tick | None = None
    limits: tuple[Tick, ...] = ()
    limits_beyond: tuple[str, ...] = ()  # limits outside the axis, which no value comes near


def histogram(title: str, groups: Mapping[str, np.ndarray], limits: Mapping[str, float] | None = None) -> Chart | None:
    """Values [N] of each kind, stacked in the order of the kinds, and limits by name. None without finite values."""
    finite = {kind: values[np.isfinite(values)] for kind, values in groups.items()}
    every = np.concatenate([np.empty(0), *finite.values()])
    if not len(every):
        return None
    low, high = float(every.min()), float(every.max())
    median = float(np.median(every))
    log = low >= 0 and 0 < LONG_TAIL_RATIO * median < high
    edges = _edges(low, high, log)
    counts = {kind: np.histogram(np.maximum(values, edges[0]), edges)[0] for kind, values in finite.items()}
    top = max(1, int(np.sum(list(counts.values()), axis=0).max()))
    places = np.linspace(LEFT, WIDTH - RIGHT, len(edges))
    labelled = [low] if low == high else _decades(edges) if log else nice_ticks(low, high)
    named = {f"{name} {value:g}": value for name, value in (limits or {}).items()}
    inside = {text: value for text, value in named.items() if edges[0] <= value <= edges[-1]}
    at = _places_of([*labelled, *inside.values()], edges, places, log)
    told = "".join(f"; limit {text}" for text in named)
    return Chart(
        title=title,
        alt=f"Histogram of {title}: {len(every):,} images, from {low:,.4g} to {high:,.4g}, median {median:,.4g}{told}",
        bars=tuple(_stacked(counts, places, top)),
        x_ticks=tuple(Tick(x, compact(value)) for x, value in zip(at, labelled, strict=False)),
        y_ticks=(Tick(HEIGHT - BOTTOM, "0"), Tick(TOP, f"{top:,}")),
        limits=tuple(Tick(x, text) for x, text in zip(at[len(labelled) :], inside, strict=True)),
        limits_beyond=tuple(text for text in named if text not in inside),
    )


def _places_of(values: Sequence[float], edges: np.ndarray, places: np.ndarray, log: bool) -> list[float]:
    """Where on the axis values lie, in units of the box."""
    found = np.interp(np.log(values), np.log(edges), places) if log else np.interp(values, edges, places)
    return [round(float(place), 1) for place in found]


def line_chart(
    title: str, lines: Mapping[str, Sequence[tuple[float, float]]], x_name: str, mark: tuple[float, str] | None = None
) -> Chart | None:
    """Lines as (x, y) points; values that are not finite are left out. None where no line has a point."""
    kept = {name: _thinned([p for p in points if all(map(math.isfinite, p))]) for name, points in lines.items()}
    kept = {name: points for name, points in kept.items() if points}
    if not kept:
        return None
    xs = [x for points in kept.values() for x, _ in points]
    ys = [y for points in kept.values() for _, y in points]
    x_scale = _Scale(min(0.0, *xs), max(xs), LEFT, WIDTH - RIGHT)
    y_ticks = nice_ticks(min(0.0, *ys), max(ys), around=True)
    y_scale = _Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    last = ", ".join(f"{name} {points[-1][1]:.4g}" for name, points in kept.items())
    return Chart(
        title=title,
        alt=f"{title} over {x_name}; at the end: {last}",
        lines=tuple((name, _path(points, x_scale, y_scale)) for name, points in kept.items()),
        x_ticks=tuple(Tick(x_scale(x), compact(x)) for x in nice_ticks(x_scale.low, x_scale.high)),
        y_ticks=tuple(Tick(y_scale(y), compact(y)) for y in y_ticks),
        mark=Tick(x_scale(mark[0]), mark[1]) if mark else None,
    )


def nice_ticks(low: float, high: float, around: bool = False) -> list[float]:
    """About five round numbers between two values, or the fewest such that lie around both."""
    if high <= low:
        high = low + 1.0
    rough = (high - low) / 5
    magnitude = 10 ** math.floor(math.log10(rough))
    step = magnitude * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * 0.999)
    slack = 1e-9  # a value that is a tick but for rounding counts as one
    if around:
        first, last = math.floor(low / step + slack), math.ceil(high / step - slack)
    else:
        first, last = math.ceil(low / step - slack), math.floor(high / step + slack)
    return [round(index * step, 12) for index in range(first, last + 1)]


def compact(value: float) -> str:
    """E.g. 80000 -> `80k`, 1.5e6 -> `1.5M`, 0.25 -> `0.25`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return round(self.start + (value - self.low) / span * (self.end - self.start), 1)


def _edges(low: float, high: float, log: bool) -> np.ndarray:
    """Limits of the bins; the first bin of a logarithmic axis also takes what is smaller than its limit, zero too."""
    if low == high:
        return np.linspace(low - 0.5, high + 0.5, BINS + 1)
    return np.geomspace(max(low, high / 1e4), high, BINS + 1) if log else np.linspace(low, high, BINS + 1)


def _decades(edges: np.ndarray) -> list[float]:
    """Powers of ten within the edges, both ends where there is none."""
    first, last = math.ceil(math.log10(edges[0]) - 1e-9), math.floor(math.log10(edges[-1]) + 1e-9)
    return [10.0**power for power in range(first, last + 1)] or [float(edges[0]), float(edges[-1])]


def _stacked(counts: Mapping[str, np.ndarray], places: np.ndarray, top: int) -> list[Bar]:
    unit = (HEIGHT - TOP - BOTTOM) / top
    bars = []
    base = np.zeros(len(places) - 1)
    for kind, values in counts.items():
        for index in np.flatnonzero(values):
            height = max(float(values[index]) * unit, MIN_BAR)
            y = HEIGHT - BOTTOM - float(base[index]) * unit - height
            width = float(places[index + 1] - places[index]) - 0.6
            bars.append(Bar(round(float(places[index]), 1), round(y, 2), round(width, 1), round(height, 2), kind))
        base += values
    return bars


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= MAX_POINTS:
        return list(points)
    return [points[round(index)] for index in np.linspace(0, len(points) - 1, MAX_POINTS)]


def _path(points: Sequence[tuple[float, float]], x_scale: _Scale, y_scale: _Scale) -> str:
    """SVG path data; a single point becomes a short dash."""
    places = [(x_scale(x), y_scale(y)) for x, y in points]
    if len(places) == 1:
        x, y = places[0]
        places = [(x - DASH, y), (x + DASH, y)]
    return "M" + "L".join(f"{x},{y}" for x, y in places)
