"""The search on disk: it ends in an actor, resumes, stops in time, and names what fails."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ganglion.codegen.actor import read_actor
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.trainer.distil import DistilError
from ganglion.trainer.engines import HereEngine, RayEngine
from ganglion.trainer.limit import Goal, Price, limit, make_student
from ganglion.trainer.teacher import read_teacher
from tests.trainer.distil.point import teacher
from tests.trainer.distil.test_distil import SMALL

from .landscape import price_of


def price(policy: Policy) -> Price:
    return price_of(simplify(policy).nonzeros)


def _here() -> HereEngine:
    return HereEngine(make_student)


FAR = "tests.trainer.distil.point:GanglionTestPoint-v0"  # tells other processes where it is registered
GOAL = Goal(
    unit="nonzeros",
    keep=0.8,
    start=0.5,
    seeds=1,
    short_updates=60,
    long_updates=120,
    resolution=2.5,
    weight_bits=(6,),
    widths=(),
)
QUICK = replace(GOAL, resolution=4.0, weight_bits=())


def test_a_search_ends_in_an_actor_and_resumes(tmp_path):
    found = limit(teacher(), GOAL, tmp_path, price, base=SMALL, engine=_here())
    assert found.chosen.share >= 0.8
    actor = read_actor(found.path)
    assert actor.about["share"]["first_seed"] == found.verdict.first_seed != 50_000
    assert actor.policy.nonzeros == found.chosen.nonzeros == min(r.nonzeros for r in found.results if r.share >= 0.8)
    told = json.loads((tmp_path / "front.json").read_text())
    assert told["chosen"]["point"] == found.chosen.point.name and len(told["results"]) == len(found.results)
    assert all((tmp_path / name).stat().st_size > 1_000 for name in ("front.svg", "front.png"))
    assert read_teacher(tmp_path / "teacher.safetensors").digest == teacher().digest
    reports = []
    again = limit(
        teacher(), GOAL, tmp_path, price, lambda results, running: reports.append(len(running)), SMALL, _here()
    )
    assert reports == [0, 0]
    assert again.path.read_bytes() == found.path.read_bytes() and len(again.results) == len(found.results)


def test_a_lost_result_is_made_again(tmp_path):
    first = limit(
        teacher(), replace(GOAL, weight_bits=()), tmp_path, price, base=SMALL, engine=HereEngine(make_student)
    )
    lost = tmp_path / "points" / first.chosen.point.name / "result.json"
    told = json.loads(lost.read_text())
    lost.unlink()
    limit(teacher(), replace(GOAL, weight_bits=()), tmp_path, price, base=SMALL, engine=_here())
    assert {**json.loads(lost.read_text()), "minutes": 0} == {**told, "minutes": 0}


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (Goal(keep=0.0), "share to keep is 0.0"),
        (Goal(max_cycles=-1), "budget is -1 cycles"),
        (Goal(max_bytes=0), "budget is 0 bytes"),
        (Goal(minutes=0), "may take 0 minutes"),
        (Goal(start=0.0), "density of 0.0"),
        (Goal(resolution=1.0), "resolution is 1.0"),
        (Goal(seeds=0), "0 seeds"),
        (Goal(weight_bits=(6, 9)), r"bits to try are \(6, 9\)"),
        (Goal(widths=(0.5, 0.0)), r"widths to try are \(0.5, 0.0\)"),
        (Goal(max_luts=500), "LUTs are asked for, but prices are those of the core cortex-m4"),
        (Goal(part="icebreaker"), "bytes are asked for, but prices are those of the part icebreaker"),
        (Goal(part="icebreaker", unit="luts", max_ns=0), "budget is 0 ns"),
    ],
)
def test_bad_goals_are_refused(tmp_path, goal, message):
    with pytest.raises(DistilError, match=message):
        limit(teacher(), goal, tmp_path, price, base=SMALL)


def test_a_budget_that_nothing_meets_tells_the_nearest(tmp_path):
    with pytest.raises(DistilError, match=r"no student fits into 1 cycles and 2 bytes; the smallest of \d+ has"):
        limit(
            teacher(),
            replace(GOAL, max_cycles=1, max_bytes=2),
            tmp_path,
            price,
            base=SMALL,
            engine=HereEngine(make_student),
        )


def test_time_that_is_up_ends_the_search_and_more_goes_on(tmp_path):
    goal = replace(GOAL, keep=0.1, minutes=1e-9)
    short = limit(teacher(), goal, tmp_path, price, base=SMALL, engine=_here())
    assert short.out_of_time and len(short.results) == 1
    assert (
        len(
            limit(
                teacher(), replace(goal, minutes=9), tmp_path, price, base=SMALL, engine=HereEngine(make_student)
            ).results
        )
        > 1
    )


def _kill_at_first_result(folder) -> None:
    """A search on two workers of its own, killed as soon as a student is finished."""
    code = (
        "from pathlib import Path; from tests.trainer.limit import test_limit as t; "
        f"t.limit(t.teacher(env_id=t.FAR), t.QUICK, Path({str(folder)!r}), t.price, base=t.SMALL)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    while not list(folder.glob("points/*/result.json")):
        assert process.poll() is None, "the search ended before it was killed"
        time.sleep(0.05)
    process.kill()
    process.wait()


@pytest.mark.long
def test_a_search_on_two_workers_that_is_killed_ends_as_one_that_is_not(tmp_path):
    _kill_at_first_result(tmp_path / "killed")
    killed = limit(teacher(env_id=FAR), QUICK, tmp_path / "killed", price, base=SMALL)
    whole = limit(teacher(env_id=FAR), QUICK, tmp_path / "whole", price, base=SMALL, engine=_here())
    assert {r.point for r in killed.results} >= {r.point for r in whole.results}
    assert killed.chosen.point == whole.chosen.point
    assert read_actor(killed.path).policy.digest == read_actor(whole.path).policy.digest


def test_a_student_that_fails_is_named_and_the_search_ends(tmp_path):
    def broken(policy):
        raise ValueError("no price today")

    with pytest.raises(DistilError, match=r"student n\d+-\S+ failed: ValueError: no price today"):
        limit(teacher(), QUICK, tmp_path, broken, base=SMALL, engine=_here())


@pytest.mark.long
def test_a_ray_worker_killed_in_the_middle_of_a_student_is_replaced(tmp_path):
    """Two workers of a local Ray; one is killed by the system, its student is made again and the search ends."""
    pytest.importorskip("ray", reason="ray is not installed (extra sweep)")
    base, killed = replace(SMALL, updates=480), []

    def kill_one(results, running):
        for point in running:
            snapshot = tmp_path / "points" / point.name / "actor.run" / "settings.json"
            if snapshot.exists() and not killed:
                killed.extend(_makers())
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)

    goal = replace(QUICK, short_updates=240, long_updates=240, clip_head=False)
    engine = RayEngine(make_student, workers=2)
    found = limit(teacher(env_id=FAR), goal, tmp_path, price, kill_one, base, engine)
    assert killed and found.chosen.share >= goal.keep
    assert len(found.results) >= 2


def _makers() -> list[int]:
    """One process of this test's Ray that makes a student."""
    paths = [path for path in Path("/proc").glob("[0-9]*") if _read(path / "cmdline").startswith("ray::make_student")]
    return [int(path.name) for path in paths if os.getpid() in _ancestors(int(path.name))][:1]


def _ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1 and (stat := _read(Path("/proc", str(pid), "stat"))):
        pid = int(stat.rpartition(")")[2].split()[1])
        found.append(pid)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
