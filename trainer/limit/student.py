"""One student of a search: a task that leaves its actor and result in a folder of its own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from ganglion.codegen.actor import Actor

from ..distil import Settings, judge
from ..distil.assignment import Assignment, carry_out
from ..distil.verdict import Standard
from ..engines import TaskError
from ..reinforce import ReinforceError, ReinforceSettings
from ..teacher import Teacher
from .points import Point, Result
from .pricing import Pricing
from .record import ACTOR, Record


@dataclass(frozen=True, eq=False)
class Candidate:
    """A point to try: whom it learns from, what it is held against, where it goes, and who prices it; how it is
    polished, where that is allowed, unless imitation alone keeps `enough` of the return."""

    teacher: Teacher
    standard: Standard
    point: Point
    settings: Settings
    folder: Path
    price: Pricing
    polish: ReinforceSettings | None = None
    enough: float = 0.0

    @property
    def name(self) -> str:
        """The point's."""
        return self.point.name


def make_student(candidate: Candidate) -> None:
    """Make, measure, price and keep a candidate; TaskError where that fails. It goes on from its last snapshot."""
    try:
        _make(candidate)
    except Exception as error:
        raise TaskError(f"{type(error).__name__}: {error}") from error


def _make(candidate: Candidate) -> None:
    record, point = Record(candidate.folder), candidate.point
    path = record.place(point) / ACTOR
    actor, minutes = _carry_out(candidate, Assignment(candidate.teacher, candidate.settings, path, candidate.standard))
    share = actor.about["share"]
    result = Result(
        point=point,
        share=share["share"],
        low=share["low"],
        high=share["high"],
        worst=actor.about["returns"]["quantised"]["min"],
        shape=actor.policy.shape,
        price=candidate.price(actor.policy),
        minutes=minutes,
        polished="polish" in actor.about["provenance"],
    )
    record.add(result)
    shutil.rmtree(path.with_suffix(".run"))


def _carry_out(candidate: Candidate, plain: Assignment) -> tuple[Actor, float]:
    """The student, polished where that is allowed, imitation alone does not keep enough, and polishing helps; and the
    processor minutes that all this took."""
    polished = replace(plain, polish=candidate.polish)
    if not polished.finished():
        carry_out(plain, plain.tell)
        if candidate.polish and _needs_more(candidate, plain.finished()[0]):
            _polish(polished)
    minutes = (polished.finished() or plain.finished())[1].minutes
    if polished.polish and polished.finished() and not _helped(polished):
        carry_out(plain)
    return (polished.finished() or plain.finished())[0], minutes


def _needs_more(candidate: Candidate, actor: Actor) -> bool:
    return actor.about["share"]["share"] < candidate.enough and candidate.price(actor.policy).exists


def _polish(polished: Assignment) -> None:
    """A polishing that diverges does so again: the student stays as it is."""
    try:
        carry_out(polished, polished.tell)
    except ReinforceError:
        return


def _helped(polished: Assignment) -> bool:
    """Whether the student keeps more than it did before, in the episodes that choose among points."""
    before = judge(polished.kept(None).policy, polished.standard).about
    return polished.finished()[0].about["share"]["share"] > before["share"]
