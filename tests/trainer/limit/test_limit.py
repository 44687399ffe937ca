"""The search: what it tries for a known landscape, whom it calls the winner, that it resumes."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import read_actor
from ganglion.codegen.passes import simplify
from ganglion.trainer.distil import DistilError
from ganglion.trainer.limit import Goal, Point, Result, limit
from ganglion.trainer.limit.front import pareto_front
from ganglion.trainer.limit.pricing import price_data
from ganglion.trainer.limit.proposal import passes, propose, winner
from tests.support.policies import random_policy
from tests.trainer.distil.point import teacher
from tests.trainer.distil.test_distil import SMALL

WEIGHTS = 70_000


def _result(point: Point, share: float, **prices: float) -> Result:
    prices = {"nonzeros": point.nonzeros} | prices
    return Result(point, share, share, share, 0.0, point.nonzeros, (11, 40, 30, 3), prices, 1.0)


def _explore(goal: Goal, share_of, unit="nonzeros") -> list[Result]:
    """Run the search on a landscape, one batch of proposals after the other."""
    results: list[Result] = []
    for _ in range(100):
        points = propose(goal, unit, WEIGHTS, results)
        if not points:
            return results
        assert len(set(points)) == len(points) and not {result.point for result in results} & set(points)
        results += [_result(point, share_of(point), bytes=point.nonzeros * point.weight_bits / 8) for point in points]
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
    goal = Goal(keep=keep)
    results = _explore(goal, _cliff(smallest, bits))
    best = winner(goal, "nonzeros", results)
    assert smallest <= best.nonzeros <= goal.resolution * smallest + 1
    assert len(results) < 40


@settings(max_examples=30, deadline=None)
@given(smallest=st.integers(60, 2_500), bits=st.integers(4, 8))
def test_fewer_bits_are_found_where_bytes_count(smallest, bits):
    goal = Goal(weight_bits=(7, 6, 5, 4))
    best = winner(goal, "bytes", _explore(goal, _cliff(smallest, bits), "bytes"))
    assert best.point.weight_bits == max(4, bits)


def test_narrow_layers_are_tried_until_one_fails():
    results = _explore(Goal(), _cliff(300, 8, width=30))
    assert {result.point.width for result in results} == {None, 30, 20}


@settings(max_examples=30, deadline=None)
@given(budget=st.integers(60, 2_500))
def test_a_budget_is_filled(budget):
    goal = Goal(budget=budget, weight_bits=(), widths=())
    best = winner(goal, "nonzeros", _explore(goal, lambda point: point.nonzeros / WEIGHTS))
    assert budget / goal.resolution - 1 <= best.nonzeros <= budget


def test_a_hopeless_rung_ends_the_ladder_without_long_runs_below():
    results = _explore(Goal(), lambda point: 1.0 if point.nonzeros > 1_000 else 0.1)
    assert min(result.nonzeros for result in results) >= 300
    assert all(result.share > 0.1 for result in results if result.point.updates == Goal().long_updates)


def test_a_second_seed_can_save_a_point():
    lucky = Point(0, 8, None, Goal().long_updates, 1)
    results = _explore(Goal(), lambda point: 1.0 if point.nonzeros >= 600 or point.seed == lucky.seed else 0.8)
    best = winner(Goal(), "nonzeros", results)
    assert best.nonzeros < 600 and best.point.seed == 1


def test_nothing_is_proposed_where_nothing_passes():
    goal = Goal()
    results = _explore(goal, lambda point: 0.2)
    assert winner(goal, "nonzeros", results) is None
    assert len(results) == 2


def test_the_front_holds_who_is_beaten_by_nobody():
    points = [Point(n, 8, None, 10, 0) for n in (100, 200, 300, 400)]
    results = [_result(point, share) for point, share in zip(points, (0.5, 0.9, 0.8, 1.0), strict=True)]
    assert [result.nonzeros for result in pareto_front(results, "nonzeros")] == [100, 200, 400]
    assert not passes(Goal(), "nonzeros", results[1]) and passes(Goal(budget=250), "nonzeros", results[1])


def test_the_price_of_data_counts_weights_indices_rows_and_maps():
    policy = random_policy(1, shape=(5, 8, 6, 2), sparsity=0.5)
    live = simplify(policy)
    rows, nonzeros = sum(live.shape[1:]), live.nonzeros
    assert nonzeros < policy.nonzeros
    assert price_data(policy) == {"nonzeros": nonzeros, "bytes": nonzeros + nonzeros + 6 * rows + 8 * 7}


GOAL = Goal(
    keep=0.8, start=0.5, seeds=1, short_updates=60, long_updates=120, resolution=2.5, weight_bits=(6,), widths=()
)


def test_a_search_ends_in_an_actor_and_resumes(tmp_path):
    found = limit(teacher(), GOAL, tmp_path, base=SMALL, workers=1)
    assert found.smallest.share >= 0.8
    actor = read_actor(found.path)
    assert actor.about["share"]["first_seed"] == found.verdict.first_seed != 50_000
    assert actor.policy.nonzeros == found.smallest.nonzeros == min(r.nonzeros for r in found.results if r.share >= 0.8)
    reports = []
    again = limit(teacher(), GOAL, tmp_path, lambda results, running: reports.append(len(running)), SMALL, workers=1)
    assert reports == [0]
    assert again.path.read_bytes() == found.path.read_bytes() and len(again.results) == len(found.results)


def test_a_lost_result_is_made_again(tmp_path):
    first = limit(teacher(), replace(GOAL, weight_bits=()), tmp_path, base=SMALL, workers=1)
    lost = tmp_path / "points" / first.smallest.point.name / "result.json"
    told = json.loads(lost.read_text())
    lost.unlink()
    limit(teacher(), replace(GOAL, weight_bits=()), tmp_path, base=SMALL, workers=1)
    assert {**json.loads(lost.read_text()), "minutes": 0} == {**told, "minutes": 0}


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (Goal(keep=0.0), "share to keep is 0.0"),
        (Goal(budget=-1), "budget is -1"),
        (Goal(start=0.0), "density of 0.0"),
        (Goal(resolution=1.0), "resolution is 1.0"),
        (Goal(seeds=0), "0 seeds"),
    ],
)
def test_bad_goals_are_refused(tmp_path, goal, message):
    with pytest.raises(DistilError, match=message):
        limit(teacher(), goal, tmp_path, base=SMALL)


def test_a_budget_that_nothing_meets_tells_the_nearest(tmp_path):
    with pytest.raises(DistilError, match="no student fits into 1 nonzeros; the cheapest of"):
        limit(teacher(), replace(GOAL, budget=1.0), tmp_path, base=SMALL, workers=1)
