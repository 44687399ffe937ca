"""The schedule keeps the core's rules whatever the policy."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.hls.core.schedule import FIRST_SLOT, RESULT_DELAY, TANH_DELAY, TANH_HOLD, TANH_SLOTS, schedule
from tests.support.policies import random_policy

policies = st.builds(
    random_policy,
    seed=st.integers(0, 1000),
    shape=st.sampled_from([(3, 4, 2), (5, 20, 16, 6), (2, 9, 9, 9, 17), (4, 3)]),
    sparsity=st.sampled_from([0.0, 0.5, 0.9]),
    head=st.sampled_from(["tanh", "clip", "argmax"]),
)
lanes = st.integers(1, 8)


@given(policies, lanes)
def test_every_nonzero_has_one_slot_and_no_lane_does_two_things_at_once(policy, lanes):
    plan = schedule(policy, lanes)
    for index, layer in enumerate(policy.layers):
        rows = [row for row in plan.rows if row.layer == index]
        assert sorted(row.row for row in rows) == list(range(layer.rows))
        for row in rows:
            assert sorted(row.columns) == np.flatnonzero(layer.weights[row.row]).tolist()
    taken = Counter((row.lane, slot) for row in plan.rows for slot in row.slots)
    taken.update((0, item.end - k) for item in plan.tanh for k in range(TANH_SLOTS))
    assert max(taken.values()) == 1
    assert min(slot for _, slot in taken) >= FIRST_SLOT


@given(policies, lanes)
def test_rows_of_a_lane_do_not_interleave_and_at_most_one_ends_in_a_slot(policy, lanes):
    plan = schedule(policy, lanes)
    ends = [item.end for item in plan.in_order]
    assert len(set(ends)) == len(ends)
    for lane in range(lanes):
        rows = sorted((row for row in plan.rows if row.lane == lane), key=lambda row: row.end)
        spans = [(row.slots[0], row.end) for row in rows]
        spans += [(item.end - TANH_SLOTS + 1, item.end) for item in plan.tanh if lane == 0]
        spans.sort()
        assert all(left[1] < right[0] for left, right in zip(spans, spans[1:], strict=False))


@given(policies, lanes)
def test_a_product_waits_for_its_activation(policy, lanes):
    plan = schedule(policy, lanes)
    ends = {(row.layer, row.row): row.end for row in plan.rows}
    for row in plan.rows:
        if row.layer:
            for column, slot in zip(row.columns, row.slots, strict=False):
                assert slot >= ends[row.layer - 1, column] + RESULT_DELAY


@given(policies, lanes)
def test_outputs_come_in_order_and_tanh_operands_are_still_there(policy, lanes):
    plan = schedule(policy, lanes)
    last = len(policy.layers) - 1
    ends = [row.end for row in sorted((row for row in plan.rows if row.layer == last), key=lambda row: row.row)]
    assert ends == sorted(ends)
    assert len(plan.tanh) == (len(ends) if policy.head.kind == "tanh" else 0)
    for item in plan.tanh:
        assert item.end >= ends[item.row] + TANH_DELAY
        if item.row + 1 < len(ends):
            assert item.end <= ends[item.row + 1] + TANH_HOLD


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_lanes_share_the_work(lanes):
    policy = random_policy(shape=(11, 64, 64, 3), sparsity=0.8)
    assert schedule(policy, lanes).last_slot <= policy.nonzeros / lanes * 1.15 + 40
