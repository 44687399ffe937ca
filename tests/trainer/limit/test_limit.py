"""The search: what it tries for a known landscape, whom it calls the winner, that it resumes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import read_actor
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.trainer.distil import DistilError
from ganglion.trainer.engines import HereEngine, RayEngine
from ganglion.trainer.limit import DesignPrice, Goal, KernelPrice, Point, Price, Result, limit, make_student
from ganglion.trainer.limit.front import fronts, pareto_front
from ganglion.trainer.limit.plot import plot_front
from ganglion.trainer.limit.proposal import passes, propose, winner
from ganglion.trainer.teacher import read_teacher
from tests.trainer.distil.point import teacher
from tests.trainer.distil.test_distil import SMALL

TANH = SimpleNamespace(weights=70_000, squash="tanh")
CLIP = SimpleNamespace(weights=70_000, squash="clip")


def _price(nonzeros: int, bits: int = 8, table_bytes: int = 0) -> Price:
    """A fast kernel that takes much flash, and a small one that takes its time."""
    small = -(-nonzeros * bits // 8) + table_bytes
    return Price(
        nonzeros, (KernelPrice("fast", 2 * nonzeros, 4 * nonzeros), KernelPrice("small", 50 * nonzeros, small))
    )


def price(policy: Policy) -> Price:
    return _price(simplify(policy).nonzeros)


def _result(point: Point, share: float) -> Result:
    price = _price(point.nonzeros, point.weight_bits, 0 if point.clip_head else 66)
    return Result(point, share, share, share, 0.0, (11, 40, 30, 3), price, 1.0)


def _explore(goal: Goal, share_of, taught_by=CLIP) -> list[Result]:
    """Run the search on a landscape, one batch of proposals after the other."""
    results: list[Result] = []
    for _ in range(100):
        points = propose(goal, taught_by, results)
        if not points:
            return results
        assert len(set(points)) == len(points) and not {result.point for result in results} & set(points)
        results += [_result(point, share_of(point)) for point in points]
    raise AssertionError("the search does not end")


def _cliff(smallest: int, bits: int, width: int = 0):
    """Students above all three bounds keep everything; below, the share falls with the weights that are missing."""

    def share_of(point: Point) -> float:
        enough = point.weight_bits >= bits and (point.width or 256) >= width
        return 1.0 if enough and point.nonzeros >= smallest else 0.9 * min(1.0, point.nonzeros / smallest)

    return share_of


@settings(max_examples=60, deadline=None)
@given(smallest=st.integers(60, 2_500), bits=st.integers(4, 8), keep=st.sampled_from([0.95, 0.99]))
def test_the_search_finds_the_cliff_to_its_resolution(smallest, bits, keep):
    goal = Goal(keep=keep, unit="nonzeros")
    results = _explore(goal, _cliff(smallest, bits))
    best = winner(goal, results)
    assert smallest <= best.nonzeros <= goal.resolution * smallest + 1
    assert len(results) < 40


@settings(max_examples=30, deadline=None)
@given(smallest=st.integers(60, 2_500), bits=st.integers(4, 8))
def test_fewer_bits_are_found_where_bytes_count(smallest, bits):
    goal = Goal(weight_bits=(7, 6, 5, 4))
    best = winner(goal, _explore(goal, _cliff(smallest, bits)))
    assert best.point.weight_bits == max(4, bits)


def test_narrow_layers_are_tried_until_one_fails():
    results = _explore(Goal(), _cliff(300, 8, width=30))
    assert {result.point.width for result in results} == {None, 30, 20}


@settings(max_examples=30, deadline=None)
@given(budget=st.integers(60, 2_500))
def test_a_budget_is_filled_and_the_student_that_fills_it_runs_for_long(budget):
    goal = Goal(max_cycles=2 * budget)
    best = winner(goal, _explore(goal, lambda point: (point.nonzeros + point.updates / 1e5) / TANH.weights))
    assert budget / goal.resolution - 1 <= best.nonzeros <= budget
    assert best.point.updates == goal.long_updates


@settings(max_examples=30, deadline=None)
@given(budget=st.integers(60, 2_500), bits=st.integers(3, 7))
def test_fewer_bits_make_room_for_more_weights_within_a_budget_of_bytes(budget, bits):
    def share_of(point: Point) -> float:
        return (point.nonzeros + point.updates / 1e5) / CLIP.weights * (1.0 if point.weight_bits >= bits else 0.1)

    goal = Goal(max_bytes=budget + 66, weight_bits=(7, 6, 5, 4, 3))
    best = winner(goal, _explore(goal, share_of))
    assert best.price.of("bytes") <= budget + 66
    if best.point.weight_bits < 8:
        assert best.point.updates == goal.long_updates
    whole = winner(goal, _explore(replace(goal, weight_bits=()), share_of))
    assert best.share >= whole.share
    if bits <= 4:
        wide = replace(goal, weight_bits=(4,))
        assert winner(wide, _explore(wide, share_of)).nonzeros >= 1.5 * whole.nonzeros


def test_fewer_bits_are_given_up_at_once_where_they_make_no_room():
    goal = Goal(max_cycles=1_000)
    results = _explore(goal, lambda point: point.nonzeros / CLIP.weights)
    fewer = [result.point for result in results if result.point.weight_bits < 8]
    assert len(fewer) == 1 and fewer[0].weight_bits == 6


def test_one_kernel_has_to_meet_both_bounds():
    result = _result(Point(100, 8, None, 10, 0), 1.0)
    assert Goal(max_cycles=200, max_bytes=400).affordable(result.price).kernel == "fast"
    assert Goal(max_bytes=166).affordable(result.price).kernel == "small"
    assert not passes(Goal(max_cycles=200, max_bytes=100), result)


def test_a_tanh_is_replaced_by_a_clip_where_that_keeps_the_return():
    results = _explore(Goal(), _cliff(300, 6), TANH)
    clipped = [result.point for result in results if result.point.clip_head]
    assert {point.weight_bits for point in clipped} == {8, 6, 5}
    assert not any(result.point.clip_head for result in _explore(Goal(), _cliff(300, 6), CLIP))
    lost = _explore(Goal(), lambda point: 0.5 if point.clip_head else 1.0, TANH)
    assert not any(result.point.clip_head for result in lost if result.point.weight_bits < 8)


def test_a_hopeless_rung_ends_the_ladder_without_long_runs_below():
    results = _explore(Goal(), lambda point: 1.0 if point.nonzeros > 1_000 else 0.1)
    assert min(result.nonzeros for result in results) >= 300
    assert all(result.share > 0.1 for result in results if result.point.updates == Goal().long_updates)


def test_a_second_seed_can_save_a_point():
    lucky = Point(0, 8, None, Goal().long_updates, 1)
    results = _explore(Goal(), lambda point: 1.0 if point.nonzeros >= 600 or point.seed == lucky.seed else 0.8)
    best = winner(Goal(), results)
    assert best.nonzeros < 600 and best.point.seed == 1


def test_nothing_is_proposed_where_nothing_passes():
    goal = Goal()
    results = _explore(goal, lambda point: 0.2)
    assert winner(goal, results) is None
    assert len(results) == 2


def test_the_front_holds_who_is_beaten_by_nobody():
    points = [Point(n, 8, None, 10, 0) for n in (100, 200, 300, 400)]
    results = [_result(point, share) for point, share in zip(points, (0.5, 0.9, 0.8, 1.0), strict=True)]
    assert [result.nonzeros for result in pareto_front(results, "nonzeros")] == [100, 200, 400]
    assert fronts(results) == pareto_front(results, "bytes")
    assert not passes(Goal(), results[1]) and passes(Goal(max_cycles=500), results[1])


def _logic(nonzeros: int, bits: int = 8) -> Price:
    """A small design and a fast one, which is too large for its part from 1,000 weights on."""
    luts = nonzeros * bits
    return Price(
        nonzeros, designs=(DesignPrice("slow", 30 * nonzeros, 400, True), DesignPrice("fast", 90, luts, luts < 8_000))
    )


def test_a_part_counts_in_look_up_tables_and_nanoseconds():
    price, goal = _logic(500), Goal(part="icebreaker", unit="luts")
    assert (price.of("luts"), price.of("ns"), price.of("nonzeros")) == (400, 90, 500)
    assert replace(goal, max_ns=100).affordable(price).name == "fast"
    assert replace(goal, max_luts=500).affordable(price).name == "slow"
    assert replace(goal, max_luts=500, max_ns=100).affordable(price) is None
    assert replace(goal, max_luts=500, max_ns=100).budget == "100 ns and 500 LUTs"


def test_a_design_that_has_no_room_on_its_part_does_not_count():
    assert Goal(part="icebreaker", unit="luts", max_ns=100).affordable(_logic(1_000)) is None
    only = Price(1_000, designs=(DesignPrice("fast", 90, 9_000, False),))
    result = replace(_result(Point(1_000, 8, None, 10, 0), 1.0), price=only)
    assert not passes(Goal(part="icebreaker", unit="luts"), result)


@settings(max_examples=20, deadline=None)
@given(luts=st.integers(600, 7_000))
def test_a_budget_of_look_up_tables_and_nanoseconds_is_filled(luts):
    goal = Goal(part="icebreaker", unit="luts", max_luts=luts, max_ns=100, weight_bits=())
    results: list[Result] = []
    while points := propose(goal, CLIP, results):
        results += [replace(_result(p, p.nonzeros / 1e4), price=_logic(p.nonzeros, p.weight_bits)) for p in points]
    best = winner(goal, results)
    assert luts / goal.resolution - 8 <= 8 * best.nonzeros <= luts


def test_results_of_logic_survive_their_file():
    result = replace(_result(Point(300, 8, None, 10, 0), 0.9), price=_logic(300))
    assert Result.parse(json.loads(json.dumps(result.as_dict))) == result


def test_the_plot_of_a_part_has_its_units():
    results = [replace(_result(Point(n, 8, None, 10, 0), n / 400), price=_logic(n)) for n in (100, 400)]
    svg = plot_front(results, "Point", Goal(part="icebreaker", unit="luts", max_luts=900), "svg")
    assert b"nanoseconds of the fastest design" in svg and b"look-up tables of the smallest" in svg


def test_the_plot_is_the_same_for_the_same_results():
    results = [_result(Point(n, 8, None, 10, 0), n / 400) for n in (100, 400)]
    svg = plot_front(results, "Point", Goal(max_cycles=300), "svg")
    assert svg == plot_front(results, "Point", Goal(max_cycles=300), "svg")
    assert b"400 weights" in svg and b"bytes of the smallest kernel" in svg


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
            snapshot = tmp_path / "points" / point.name / "run" / "settings.json"
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
