"""Labels of points that do not lie on each other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

_STEP_POINTS = 2.0


def separate(figure: Figure, labels: Sequence[Annotation]) -> None:
    """Move `labels`, whose text lies above or below its point by `xyann` points, further away from it where one would
    lie on another or on a point."""
    figure.draw_without_rendering()
    pixels = _STEP_POINTS * figure.dpi / 72
    placed = [_point(label, pixels) for label in labels]
    for label in sorted(labels, key=_away):
        side = 1 if label.xyann[1] > 0 else -1
        box, steps = label.get_window_extent(), 0
        while any(box.overlaps(other) for other in placed):
            box, steps = box.translated(0, side * pixels), steps + 1
        label.xyann = (label.xyann[0], label.xyann[1] + side * steps * _STEP_POINTS)
        placed.append(box)


def _point(label: Annotation, pixels: float) -> Bbox:
    return Bbox([label.axes.transData.transform(label.xy)] * 2).padded(pixels)


def _away(label: Annotation) -> float:
    """Where the point lies, against the side on which its label does."""
    return label.xy[1] if label.xyann[1] > 0 else -label.xy[1]
