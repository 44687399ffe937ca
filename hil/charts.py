"""Geometry of the report's drawings: numbers in, coordinates of an SVG out. The template only prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640
HEIGHT = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 12, 26
_FILL = 0.78


@dataclass(frozen=True)
class Bar:
    """A rectangle and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Mark:
    """A labelled place on an axis, in SVG units."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """Bars over a baseline, marks along x and y, horizontal `rules` with labels."""

    bars: tuple[Bar, ...]
    x_marks: tuple[Mark, ...]
    y_marks: tuple[Mark, ...]
    rules: tuple[Mark, ...]
    baseline: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def bar_chart(
    values: Sequence[float], titles: Sequence[str], labels: Sequence[str], rules: Sequence[tuple[str, float]] = ()
) -> Chart:
    """One bar per value, from zero; few `labels` are kept where many would touch; `rules` are (label, value)."""
    levels = [*values, *(value for _, value in rules), 0.0]
    low, high = min(levels), max(levels)
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return round(_TOP + (high - value) / span * (HEIGHT - _TOP - _BOTTOM), 1)

    slot = (WIDTH - _LEFT - _RIGHT) / len(values)
    every = -(-len(values) // 10)
    bars, x_marks = [], []
    for index, (value, title) in enumerate(zip(values, titles, strict=True)):
        centre = _LEFT + slot * (index + 0.5)
        top, bottom = sorted((y(value), y(0.0)))
        width = slot * _FILL
        bars.append(Bar(round(centre - width / 2, 1), top, round(width, 1), round(bottom - top, 1), title))
        if index % every == 0:
            x_marks.append(Mark(round(centre, 1), labels[index]))
    y_marks = tuple(Mark(y(value), f"{value:,.0f}") for value in sorted({low, 0.0, high}))
    return Chart(tuple(bars), tuple(x_marks), y_marks, tuple(Mark(y(v), label) for label, v in rules), y(0.0))


def share_bar(parts: dict[str, int]) -> tuple[Bar, ...]:
    """One bar of full width, cut into the shares of `parts`; empty parts have no piece."""
    total = sum(parts.values()) or 1
    pieces, x = [], 0.0
    for name, size in parts.items():
        width = size / total * WIDTH
        if size:
            pieces.append(Bar(round(x, 1), 0, round(width, 1), 26, f"{name}: {size:,} bytes"))
        x += width
    return tuple(pieces)
