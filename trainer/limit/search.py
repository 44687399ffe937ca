"""The search for the limit: points in processes of their own, each result on disk, the next points from the results."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass
from pathlib import Path

from ganglion.codegen.actor import read_actor, write_actor

from ..distil import Settings, Verdict, distil, judge, measure_teacher
from ..distil.settings import DistilError, check_settings
from ..distil.snapshot import claim
from ..distil.verdict import Standard, check_teacher
from ..teacher import Teacher, save_teacher
from .front import fronts
from .points import Goal, Point, Result, check_goal
from .pricing import Pricing
from .proposal import propose, winner
from .record import ACTOR, Record
from .workers import worker_pool

CHOOSING_SEED = 50_000
CHOOSING_EPISODES = 20
WORKERS = 2

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
    workers: int = WORKERS,
) -> Limit:
    """Search in `folder`, going on from what is there; `report` gets all results and the points that run.

    DistilError when nothing reaches the goal; it tells the nearest. With more than one worker, environments of the
    user's own need an id that tells their module, such as "my.module:Robot-v0", and `price` must be picklable.
    """
    base = base or Settings()
    check_goal(goal)
    check_settings(base)
    lasting = {name: value for name, value in asdict(goal).items() if name != "minutes"}
    claim(folder, {"teacher": teacher.digest, "env_id": teacher.env_id, "goal": lasting, "base": asdict(base)})
    check_teacher(teacher)
    save_teacher(folder / "teacher.safetensors", teacher)
    search = _Search(teacher, goal, Record(folder), price, base, workers, report)
    with worker_pool(workers) as pool:
        search.go(pool)
    return search.conclude()


class _Search:
    def __init__(
        self, teacher: Teacher, goal: Goal, record: Record, price: Pricing, base: Settings, workers: int, report: Report
    ) -> None:
        self.teacher, self.goal, self.record, self.price = teacher, goal, record, price
        self.base, self.workers, self.report = base, workers, report
        self.standard = measure_teacher(teacher, CHOOSING_EPISODES, CHOOSING_SEED)
        self.results = record.results()
        self.running: dict[Future, Point] = {}

    def go(self, pool: Executor) -> None:
        """Run points until none is worth it, or time is up."""
        while True:
            self._begin(pool)
            self._show({})
            if not self.running:
                return
            for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                self.results.append(future.result())
                del self.running[future]

    @property
    def out_of_time(self) -> bool:
        """Whether all students together took the time that the search has on its workers."""
        return sum(result.minutes for result in self.results) >= self.goal.minutes * self.workers

    def _begin(self, pool: Executor) -> None:
        if self.out_of_time:
            return
        for point in propose(self.goal, self.teacher, self.results):
            if len(self.running) < self.workers and point not in self.running.values():
                settings = point.settings(self.base, self.teacher.weights)
                task = pool.submit(
                    run_point, self.teacher, self.standard, point, settings, self.record.folder, self.price
                )
                self.running[task] = point

    def _show(self, verdict: dict) -> None:
        if self.results:
            self.record.show(self.standard, self.goal, self.results, verdict)
        self.report(self.results, list(self.running.values()))

    def conclude(self) -> Limit:
        """The student that reaches the goal, measured on fresh seeds."""
        chosen = winner(self.goal, self.results)
        if chosen is None:
            raise DistilError(_nothing(self.goal, self.results))
        actor = read_actor(self.record.place(chosen.point) / ACTOR)
        verdict = judge(actor.policy, measure_teacher(self.teacher))
        path = self.record.folder / ACTOR
        provenance = actor.about["provenance"] | {"chosen": {"best_of": len(self.results), "by_seed": CHOOSING_SEED}}
        about = actor.about | {"provenance": provenance, "returns": verdict.returns, "share": verdict.about}
        write_actor(path, actor.policy, about)
        self._show({"chosen": {"point": chosen.point.name, "verdict": verdict.about, "returns": verdict.returns}})
        return Limit(chosen, path, verdict, fronts(self.results), self.results, self.out_of_time)


def run_point(
    teacher: Teacher, standard: Standard, point: Point, settings: Settings, folder: Path, price: Pricing
) -> Result:
    """Distil one point, measure it, and leave its actor and result in a folder of its own."""
    record = Record(folder)
    place = record.place(point)
    student = distil(teacher, settings, folder=place / "run", checked=True)
    verdict = judge(student.policy, standard)
    about = student.about | {"returns": verdict.returns, "share": verdict.about}
    write_actor(place / ACTOR, student.policy, about)
    result = Result(
        point=point,
        share=verdict.share,
        low=verdict.low,
        high=verdict.high,
        worst=verdict.worst,
        shape=student.policy.shape,
        price=price(student.policy),
        minutes=student.minutes,
    )
    record.add(result)
    shutil.rmtree(place / "run")
    return result


def _nothing(goal: Goal, results: Sequence[Result]) -> str:
    if not results:
        return f"no student was begun within {goal.minutes:g} minutes; give the search more"
    if goal.has_budget:
        cheapest = min(results, key=lambda result: (result.price.nonzeros, result.point.name))
        fast, small = cheapest.price.fastest, cheapest.price.smallest
        return (
            f"no student fits into {goal.budget}; the smallest of {len(results)} has {cheapest.nonzeros:,} weights, "
            f"takes {fast.cycles:,} cycles in {fast.bytes:,} bytes ({fast.kernel}) or {small.bytes:,} bytes with "
            f"{small.cycles:,} cycles ({small.kernel}), and keeps {cheapest.share:.1%} of the return"
        )
    nearest = max(results, key=lambda result: result.share)
    return (
        f"no student keeps {goal.keep:.1%} of the teacher's return; the best of {len(results)} keeps "
        f"{nearest.share:.1%} with {nearest.nonzeros:,} weights; ask for less, start with more, or use more updates"
    )
