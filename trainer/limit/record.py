"""A search on disk: each student in a folder of its own, and the front as it grows; every file whole or absent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from ..distil.assignment import read_progress
from ..distil.distillation import Progress
from ..distil.verdict import Standard
from ..storage.folder import replace_bytes, replace_text
from .front import pareto_front
from .plot import plot_front
from .points import Goal, Point, Result

ACTOR = "actor.safetensors"
_RESULT = "result.json"


class Record:
    """The folder of one search."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, point: Point) -> Path:
        """The folder of a student."""
        return self.folder / "points" / point.name

    def add(self, result: Result) -> None:
        """Keep what a point gave."""
        text = json.dumps(result.as_dict, indent=1)
        replace_bytes(self.place(result.point) / _RESULT, text.encode())

    def read(self, point: Point) -> Result:
        """What a finished point gave."""
        return Result.parse(json.loads((self.place(point) / _RESULT).read_text()))

    def progress(self, point: Point) -> Progress | None:
        """How far a student is that is being made; None where that is not known."""
        return read_progress(self.place(point) / ACTOR)

    def results(self) -> list[Result]:
        """What is known already, in the order of the folders' names."""
        files = sorted(self.folder.glob(f"points/*/{_RESULT}"))
        return [Result.parse(json.loads(file.read_text())) for file in files]

    def show(self, standard: Standard, goal: Goal, results: Sequence[Result], verdict: dict) -> None:
        """Write front.json, front.svg and front.png; `verdict` is empty until the search is over."""
        taught = fmean(standard.returns)
        told = {
            "env_id": standard.env_id,
            "teacher_return": round(taught, 3),
            "front": {unit: [r.point.name for r in pareto_front(results, unit)] for unit in goal.units},
            "results": {result.point.name: result.as_dict for result in sorted(results, key=lambda r: r.point.name)},
        }
        replace_text(self.folder / "front.json", json.dumps(told | verdict, indent=1))
        title = f"{standard.env_id}, teacher {taught:,.0f}: what {len(results)} students keep"
        for kind in ("svg", "png"):
            replace_bytes(self.folder / f"front.{kind}", plot_front(results, title, goal, kind))
