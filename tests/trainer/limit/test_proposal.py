"""What a search tries on a known landscape, and whom it calls the winner."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.trainer.limit import DesignPrice, Goal, Point, Price, Result
from ganglion.trainer.limit.proposal import passes, propose, winner

from .landscape import CLIP, TANH, cliff, explore, logic_of, result_of


@settings(max_examples=60, deadline=None)
@given(smallest=st.integers(60, 2_500), bits=st.integers(4, 8), keep=st.sampled_from([0.95, 0.99]))
def test_the_search_finds_the_cliff_to_its_resolution(smallest, bits, keep):
    goal = Goal(keep=keep, unit="nonzeros")
    results = explore(goal, cliff(smallest, bits))
    best = winner(goal, results)
    assert smallest <= best.nonzeros <= goal.resolution * smallest + 1
    assert len(results) < 40


@settings(max_examples=30, deadline=None)
@given(smallest=st.integers(60, 2_500), bits=st.integers(4, 8))
def test_fewer_bits_are_found_where_bytes_count(smallest, bits):
    goal = Goal(weight_bits=(7, 6, 5, 4))
    best = winner(goal, explore(goal, cliff(smallest, bits)))
    assert best.point.weight_bits == max(4, bits)


def test_narrow_layers_are_tried_until_one_fails():
    results = explore(Goal(), cliff(300, 8, width=30))
    assert {result.point.width for result in results} == {None, 30, 20}


@settings(max_examples=30, deadline=None)
@given(budget=st.integers(60, 2_500))
def test_a_budget_is_filled_and_the_student_that_fills_it_runs_for_long(budget):
    goal = Goal(max_cycles=2 * budget)
    best = winner(goal, explore(goal, lambda point: (point.nonzeros + point.updates / 1e5) / TANH.weights))
    assert budget / goal.resolution - 1 <= best.nonzeros <= budget
    assert best.point.updates == goal.long_updates


@settings(max_examples=30, deadline=None)
@given(budget=st.integers(60, 2_500), bits=st.integers(3, 7))
def test_fewer_bits_make_room_for_more_weights_within_a_budget_of_bytes(budget, bits):
    def share_of(point: Point) -> float:
        return (point.nonzeros + point.updates / 1e5) / CLIP.weights * (1.0 if point.weight_bits >= bits else 0.1)

    goal = Goal(max_bytes=budget + 66, weight_bits=(7, 6, 5, 4, 3))
    best = winner(goal, explore(goal, share_of))
    assert best.price.of("bytes") <= budget + 66
    if best.point.weight_bits < 8:
        assert best.point.updates == goal.long_updates
    whole = winner(goal, explore(replace(goal, weight_bits=()), share_of))
    assert best.share >= whole.share
    if bits <= 4:
        wide = replace(goal, weight_bits=(4,))
        assert winner(wide, explore(wide, share_of)).nonzeros >= 1.5 * whole.nonzeros


@settings(max_examples=30, deadline=None)
@given(budget=st.integers(60, 2_500), seeds=st.integers(1, 3))
def test_no_long_run_is_spent_on_a_student_above_the_budget(budget, seeds):
    goal = Goal(max_bytes=budget + 66, seeds=seeds)
    results = explore(goal, lambda point: (point.nonzeros + point.updates / 1e5) / CLIP.weights)
    assert all(passes(goal, result) for result in results if result.point.updates == goal.long_updates)


def test_a_second_seed_is_not_run_where_the_first_passes():
    goal = Goal(seeds=3)
    results = explore(goal, cliff(300, 5, width=20), TANH, at_once=1)
    assert {result.point.clip_head for result in results} == {False, True}
    assert all(result.point.seed == 0 for result in results if result.share >= goal.keep)


@settings(max_examples=20, deadline=None)
@given(room=st.integers(100, 2_000), smallest=st.integers(60, 2_000))
def test_the_ladder_goes_on_below_students_that_a_part_has_no_room_for(room, smallest):
    goal = Goal(part="icebreaker", unit="luts", weight_bits=(), widths=(), clip_head=False)
    share_of, results = cliff(smallest, 8), []
    while points := propose(goal, CLIP, results):
        designs = [DesignPrice("fast", 90, 8 * point.nonzeros, point.nonzeros <= room) for point in points]
        results += [
            replace(result_of(point, share_of(point)), price=Price(point.nonzeros, designs=(design,)))
            for point, design in zip(points, designs, strict=True)
        ]
    best = winner(goal, results)
    if smallest * goal.resolution + 1 < room:
        assert smallest <= best.nonzeros <= goal.resolution * smallest + 1
    assert best is None or best.nonzeros <= room


def test_fewer_bits_are_given_up_at_once_where_they_make_no_room():
    goal = Goal(max_cycles=1_000)
    results = explore(goal, lambda point: point.nonzeros / CLIP.weights)
    fewer = [result.point for result in results if result.point.weight_bits < 8]
    assert len(fewer) == 1 and fewer[0].weight_bits == 6


def test_a_tanh_is_replaced_by_a_clip_where_that_keeps_the_return():
    results = explore(Goal(), cliff(300, 6), TANH)
    clipped = [result.point for result in results if result.point.clip_head]
    assert {point.weight_bits for point in clipped} == {8, 6, 5}
    assert not any(result.point.clip_head for result in explore(Goal(), cliff(300, 6), CLIP))
    lost = explore(Goal(), lambda point: 0.5 if point.clip_head else 1.0, TANH)
    assert not any(result.point.clip_head for result in lost if result.point.weight_bits < 8)


def test_a_hopeless_rung_ends_the_ladder_without_long_runs_below():
    results = explore(Goal(), lambda point: 1.0 if point.nonzeros > 1_000 else 0.1)
    assert min(result.nonzeros for result in results) >= 300
    assert all(result.share > 0.1 for result in results if result.point.updates == Goal().long_updates)


def test_a_second_seed_can_save_a_point():
    lucky = Point(0, 8, None, Goal().long_updates, 1)
    results = explore(Goal(), lambda point: 1.0 if point.nonzeros >= 600 or point.seed == lucky.seed else 0.8)
    best = winner(Goal(), results)
    assert best.nonzeros < 600 and best.point.seed == 1


def test_nothing_is_proposed_where_nothing_passes():
    goal = Goal()
    results = explore(goal, lambda point: 0.2)
    assert winner(goal, results) is None
    assert len(results) == 2


@settings(max_examples=20, deadline=None)
@given(luts=st.integers(600, 7_000))
def test_a_budget_of_look_up_tables_and_nanoseconds_is_filled(luts):
    goal = Goal(part="icebreaker", unit="luts", max_luts=luts, max_ns=100, weight_bits=())
    results: list[Result] = []
    while points := propose(goal, CLIP, results):
        results += [replace(result_of(p, p.nonzeros / 1e4), price=logic_of(p.nonzeros, p.weight_bits)) for p in points]
    best = winner(goal, results)
    assert luts / goal.resolution - 8 <= 8 * best.nonzeros <= luts
