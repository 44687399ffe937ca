"""The search for the limit: points in processes of their own, each result on disk, the next points from the results."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ganglion.codegen.actor import read_actor, write_actor

from ..distil import Settings, Verdict, distil, judge, measure_teacher
from ..distil.settings import DistilError, check_settings
from ..distil.snapshot import claim
from ..distil.verdict import Standard, check_teacher
from ..teacher import Teacher
from .front import pareto_front
from .points import Goal, Point, Result, check_goal
from .pricing import Pricing, price_data
from .proposal import propose, winner

CHOOSING_SEED = 50_000
CHOOSING_EPISODES = 20
WORKERS = 2


@dataclass(frozen=True, eq=False)
class Limit:
    """The smallest student found, its actor file, its verdict on seeds that it was not chosen by, the Pareto front in
    the search's unit, and every result."""

    smallest: Result
    path: Path
    verdict: Verdict
    front: list[Result]
    results: list[Result]


def limit(
    teacher: Teacher,
    goal: Goal,
    folder: Path,
    report: Callable[[list[Result], list[Point]], None] = lambda results, running: None,
    base: Settings | None = None,
    unit: str = "nonzeros",
    price: Pricing = price_data,
    workers: int = WORKERS,
) -> Limit:
    """Search in `folder`, going on from what is there; `report` gets all results and the points that run.

    `unit` is the price that is to be small. DistilError when nothing reaches the goal; it tells the nearest. With more
    than one worker, environments of the user's own need an id that tells their module, such as "my.module:Robot-v0".
    """
    base = base or Settings()
    check_goal(goal)
    check_settings(base)
    claim(folder, {"teacher": teacher.digest, "goal": asdict(goal), "unit": unit, "base": asdict(base)})
    check_teacher(teacher)
    standard = measure_teacher(teacher, CHOOSING_EPISODES, CHOOSING_SEED)
    results = _read_results(folder)
    with _pool(workers) as pool:
        running: dict[Future, Point] = {}
        while True:
            for point in propose(goal, unit, teacher.weights, results):
                if len(running) < workers and point not in running.values():
                    settings = point.settings(base, teacher.weights)
                    running[pool.submit(run_point, teacher, standard, point, settings, folder, price)] = point
            report(results, list(running.values()))
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                results.append(future.result())
                del running[future]
    return _conclude(teacher, goal, unit, folder, results)


def run_point(
    teacher: Teacher, standard: Standard, point: Point, settings: Settings, folder: Path, price: Pricing
) -> Result:
    """Distil one point, measure it, and leave its actor and result in a folder of its own."""
    place = _place(folder, point)
    student = distil(teacher, settings, folder=place / "run")
    verdict = judge(student.policy, standard)
    write_actor(
        place / "actor.safetensors",
        student.policy,
        student.about | {"returns": verdict.returns, "share": verdict.about},
    )
    result = Result(
        point=point,
        share=verdict.share,
        low=verdict.low,
        high=verdict.high,
        worst=verdict.worst,
        nonzeros=student.policy.nonzeros,
        shape=student.policy.shape,
        prices=price(student.policy),
        minutes=student.minutes,
    )
    partial = place / "result.partial"
    partial.write_text(json.dumps(asdict(result), indent=1))
    os.replace(partial, place / "result.json")
    shutil.rmtree(place / "run")
    return result


def _place(folder: Path, point: Point) -> Path:
    return folder / "points" / point.name


def _read_results(folder: Path) -> list[Result]:
    return [_parse(json.loads(file.read_text())) for file in sorted(folder.glob("points/*/result.json"))]


def _parse(values: dict) -> Result:
    return Result(**values | {"point": Point(**values["point"]), "shape": tuple(values["shape"])})


def _conclude(teacher: Teacher, goal: Goal, unit: str, folder: Path, results: list[Result]) -> Limit:
    smallest = winner(goal, unit, results)
    if smallest is None:
        raise DistilError(_nothing(goal, unit, results))
    actor = read_actor(_place(folder, smallest.point) / "actor.safetensors")
    verdict = judge(actor.policy, measure_teacher(teacher))
    path = folder / "actor.safetensors"
    write_actor(path, actor.policy, actor.about | {"returns": verdict.returns, "share": verdict.about})
    return Limit(smallest, path, verdict, pareto_front(results, unit), results)


def _nothing(goal: Goal, unit: str, results: list[Result]) -> str:
    if goal.budget is not None:
        nearest = min(results, key=lambda result: result.prices[unit])
        return (
            f"no student fits into {goal.budget:g} {unit}; the cheapest of {len(results)} takes "
            f"{nearest.prices[unit]:g} and keeps {nearest.share:.1%} of the return"
        )
    nearest = max(results, key=lambda result: result.share)
    return (
        f"no student keeps {goal.keep:.1%} of the teacher's return; the best of {len(results)} keeps "
        f"{nearest.share:.1%} with {nearest.nonzeros:,} weights; ask for less, start with more, or use more updates"
    )


class _Here(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, function, /, *arguments) -> Future:
        future: Future = Future()
        future.set_result(function(*arguments))
        return future


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    spawn = multiprocessing.get_context("spawn")
    pool = _Here() if workers == 1 else ProcessPoolExecutor(workers, mp_context=spawn)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
