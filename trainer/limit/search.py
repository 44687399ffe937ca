"""The search for the limit: points as tasks of an engine, each result on disk, the next points from the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ganglion.codegen.actor import read_actor, write_actor

from ..distil import Settings, Verdict, judge, measure_teacher
from ..distil.settings import DistilError, check_settings
from ..distil.verdict import check_teacher
from ..engines import Engine, LocalEngine
from ..storage.folder import claim
from ..storage.names import SETTINGS
from ..teacher import Teacher, save_teacher
from .front import fronts
from .points import Goal, Point, Result, check_goal
from .pricing import Pricing
from .proposal import propose, winner
from .record import ACTOR, Record
from .student import Candidate, make_student

CHOOSING_SEED = 50_000
CHOOSING_EPISODES = 20
WORKERS = 2
_LOOK_EVERY_S = 1.0

Report = Callable[[Sequence[Result], Sequence[Point]], None]


@dataclass(frozen=True, eq=False)
class Limit:
    """The student found, its actor file, its verdict on seeds that it was not chosen by, who is beaten by nobody, every
    result, and whether time ran out before the search was over."""

    chosen: Result
    path: Path
    verdict: Verdict
    front: list[Result]
    results: list[Result]
    out_of_time: bool


def limit(
    teacher: Teacher,
    goal: Goal,
    folder: Path,
    price: Pricing,
    report: Report = lambda results, running: None,
    base: Settings | None = None,
    engine: Engine | None = None,
) -> Limit:
    """Search in `folder`, going on from what is there; `report` gets all results and the points that run.

    `engine` runs `make_student`; by default two processes here. DistilError when nothing reaches the goal; it tells the
    nearest; ReinforceError for a polishing that cannot work. Where students are made elsewhere, environments of the
    user's own need an id that tells their module, such as "my.module:Robot-v0", and `price` must be picklable. The
    engine is closed in any case.
    """
    engine = engine or LocalEngine(WORKERS, make_student)
    try:
        return _limit(teacher, goal, folder.resolve(), price, report, base or Settings(), engine)
    finally:
        engine.close()


def _limit(
    teacher: Teacher, goal: Goal, folder: Path, price: Pricing, report: Report, base: Settings, engine: Engine
) -> Limit:
    check_goal(goal)
    check_settings(base)
    lasting = {name: value for name, value in asdict(goal).items() if name != "minutes"}
    if goal.polish is None:  # as in the folders of searches that could not polish yet
        del lasting["polish"]
    asked = {"teacher": teacher.digest, "env_id": teacher.env_id, "goal": lasting, "base": asdict(base)}
    claim(folder, asked, SETTINGS)
    check_teacher(teacher)
    save_teacher(folder / "teacher.safetensors", teacher)
    search = _Search(teacher, goal, Record(folder), price, base, engine, report)
    search.go()
    return search.conclude()


class _Search:
    def __init__(
        self,
        teacher: Teacher,
        goal: Goal,
        record: Record,
        price: Pricing,
        base: Settings,
        engine: Engine,
        report: Report,
    ) -> None:
        self.teacher, self.goal, self.record, self.price = teacher, goal, record, price
        self.base, self.engine, self.report = base, engine, report
        self.standard = measure_teacher(teacher, CHOOSING_EPISODES, CHOOSING_SEED)
        self.results = record.results()
        self.running: list[Point] = []

    def go(self) -> None:
        """Run points until none is worth it, or time is up; DistilError where one fails."""
        while True:
            self._begin()
            self._show({})
            if not self.running:
                return
            while not (ended := self.engine.wait(_LOOK_EVERY_S)):
                self.report(self.results, self.running)
            for candidate, error in ended:
                self._end(candidate, error)

    def _end(self, candidate: Candidate, error: str | None) -> None:
        if error is not None:
            raise DistilError(f"student {candidate.name} failed: {error}; the same command goes on from here")
        self.running.remove(candidate.point)
        self.results.append(self.record.read(candidate.point))

    @property
    def out_of_time(self) -> bool:
        """Whether all students together took the time that the search has on its workers."""
        return sum(result.minutes for result in self.results) >= self.goal.minutes * self.engine.slots

    def _begin(self) -> None:
        if self.out_of_time:
            return
        for point in propose(self.goal, self.teacher, self.results):
            if len(self.running) < self.engine.slots and point not in self.running:
                self.running.append(point)
                self.engine.start(self._candidate(point))

    def _candidate(self, point: Point) -> Candidate:
        goal, settings = self.goal, point.settings(self.base, self.teacher.weights)
        polish, folder = goal.polishing(point), self.record.folder
        return Candidate(self.teacher, self.standard, point, settings, folder, self.price, polish, goal.enough)

    def _show(self, verdict: dict) -> None:
        if self.results:
            self.record.show(self.standard, self.goal, self.results, verdict)
        self.report(self.results, list(self.running))

    def conclude(self) -> Limit:
        """The student that reaches the goal, measured on fresh seeds."""
        chosen = winner(self.goal, self.results)
        if chosen is None:
            raise DistilError(_nothing(self.goal, self.results, self.out_of_time))
        actor = read_actor(self.record.place(chosen.point) / ACTOR)
        verdict = judge(actor.policy, measure_teacher(self.teacher))
        path = self.record.folder / ACTOR
        provenance = actor.about["provenance"] | {"chosen": {"best_of": len(self.results), "by_seed": CHOOSING_SEED}}
        about = actor.about | {"provenance": provenance, "returns": verdict.returns, "share": verdict.about}
        write_actor(path, actor.policy, about)
        self._show({"chosen": {"point": chosen.point.name, "verdict": verdict.about, "returns": verdict.returns}})
        return Limit(chosen, path, verdict, fronts(self.results, self.goal.units), self.results, self.out_of_time)


def _nothing(goal: Goal, results: Sequence[Result], out_of_time: bool) -> str:
    if not results:
        return f"no student was begun within {goal.minutes:g} minutes; give the search more"
    more = f"time was up after {goal.minutes:g} minutes: the same search with more of them goes on; " * out_of_time
    return more + _nearest(goal, results)


def _nearest(goal: Goal, results: Sequence[Result]) -> str:
    if goal.has_budget:
        cheapest = min(results, key=lambda result: (result.price.nonzeros, result.point.name))
        return (
            f"no student fits into {goal.budget}; the smallest of {len(results)} has {cheapest.nonzeros:,} weights, "
            f"takes {cheapest.price.fastest} or {cheapest.price.smallest}, and keeps {cheapest.share:.1%} of the return"
        )
    nearest = max(results, key=lambda result: result.share)
    return (
        f"no student keeps {goal.keep:.1%} of the teacher's return; the best of {len(results)} keeps "
        f"{nearest.share:.1%} with {nearest.nonzeros:,} weights; ask for less, start with more, use more updates"
        + (", or polish" if goal.polish is None else "")
    )
