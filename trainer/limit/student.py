"""One student of a search: a task that leaves its actor and result in a folder of its own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ganglion.codegen.actor import write_actor

from ..distil import Settings, distil, judge
from ..distil.verdict import Standard
from ..engines import TaskError
from ..teacher import Teacher
from .points import Point, Result
from .pricing import Pricing
from .record import ACTOR, Record


@dataclass(frozen=True, eq=False)
class Candidate:
    """A point to try: whom it learns from, what it is held against, where it goes, and who prices it."""

    teacher: Teacher
    standard: Standard
    point: Point
    settings: Settings
    folder: Path
    price: Pricing

    @property
    def name(self) -> str:
        """The point's."""
        return self.point.name


def make_student(candidate: Candidate) -> None:
    """Distil, measure, price and keep a candidate; TaskError where that fails. It goes on from its last snapshot."""
    try:
        _make(candidate)
    except Exception as error:
        raise TaskError(f"{type(error).__name__}: {error}") from error


def _make(candidate: Candidate) -> None:
    record, point = Record(candidate.folder), candidate.point
    place = record.place(point)
    student = distil(candidate.teacher, candidate.settings, folder=place / "run", checked=True)
    verdict = judge(student.policy, candidate.standard)
    about = student.about | {"returns": verdict.returns, "share": verdict.about}
    write_actor(place / ACTOR, student.policy, about)
    result = Result(
        point=point,
        share=verdict.share,
        low=verdict.low,
        high=verdict.high,
        worst=verdict.worst,
        shape=student.policy.shape,
        price=candidate.price(student.policy),
        minutes=student.minutes,
    )
    record.add(result)
    shutil.rmtree(place / "run")
