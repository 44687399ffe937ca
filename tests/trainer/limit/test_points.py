"""Results: what they cost, who is beaten by nobody, how they are drawn and kept."""

import json
from dataclasses import replace

from ganglion.trainer.limit import DesignPrice, Goal, Point, Price, Result
from ganglion.trainer.limit.front import fronts, pareto_front
from ganglion.trainer.limit.plot import plot_front
from ganglion.trainer.limit.proposal import passes

from .landscape import logic_of, result_of


def test_one_kernel_has_to_meet_both_bounds():
    result = result_of(Point(100, 8, None, 10, 0), 1.0)
    assert Goal(max_cycles=200, max_bytes=400).affordable(result.price).kernel == "fast"
    assert Goal(max_bytes=166).affordable(result.price).kernel == "small"
    assert not passes(Goal(max_cycles=200, max_bytes=100), result)


def test_the_front_holds_who_is_beaten_by_nobody():
    points = [Point(n, 8, None, 10, 0) for n in (100, 200, 300, 400)]
    results = [result_of(point, share) for point, share in zip(points, (0.5, 0.9, 0.8, 1.0), strict=True)]
    assert [result.nonzeros for result in pareto_front(results, "nonzeros")] == [100, 200, 400]
    assert fronts(results) == pareto_front(results, "bytes")
    assert not passes(Goal(), results[1]) and passes(Goal(max_cycles=500), results[1])


def test_a_part_counts_in_look_up_tables_and_nanoseconds():
    price, goal = logic_of(500), Goal(part="icebreaker", unit="luts")
    assert (price.of("luts"), price.of("ns"), price.of("nonzeros")) == (400, 90, 500)
    assert replace(goal, max_ns=100).affordable(price).name == "fast"
    assert replace(goal, max_luts=500).affordable(price).name == "slow"
    assert replace(goal, max_luts=500, max_ns=100).affordable(price) is None
    assert replace(goal, max_luts=500, max_ns=100).budget == "100 ns and 500 LUTs"


def test_a_design_that_has_no_room_on_its_part_does_not_count():
    assert Goal(part="icebreaker", unit="luts", max_ns=100).affordable(logic_of(1_000)) is None
    only = Price(1_000, designs=(DesignPrice("fast", 90, 9_000, False),))
    result = replace(result_of(Point(1_000, 8, None, 10, 0), 1.0), price=only)
    assert not passes(Goal(part="icebreaker", unit="luts"), result)


def test_results_of_logic_survive_their_file():
    result = replace(result_of(Point(300, 8, None, 10, 0), 0.9), price=logic_of(300))
    assert Result.parse(json.loads(json.dumps(result.as_dict))) == result


def test_the_plot_of_a_part_has_its_units():
    results = [replace(result_of(Point(n, 8, None, 10, 0), n / 400), price=logic_of(n)) for n in (100, 400)]
    svg = plot_front(results, "Point", Goal(part="icebreaker", unit="luts", max_luts=900), "svg")
    assert b"nanoseconds of the fastest design" in svg and b"look-up tables of the smallest" in svg


def test_the_plot_is_the_same_for_the_same_results():
    results = [result_of(Point(n, 8, None, 10, 0), n / 400) for n in (100, 400)]
    svg = plot_front(results, "Point", Goal(max_cycles=300), "svg")
    assert svg == plot_front(results, "Point", Goal(max_cycles=300), "svg")
    assert b"400 weights" in svg and b"bytes of the smallest kernel" in svg
