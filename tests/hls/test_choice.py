"""Estimates agree with what place and route said of real designs, and the choice follows from them."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ganglion.hls.board import read_board
from ganglion.hls.choice import NothingFits, choose_design
from ganglion.hls.core.memory import BLOCK_RAMS
from ganglion.hls.core.sequential import sequential_design
from ganglion.hls.core.spatial import spatial_design
from ganglion.hls.estimate import COSTS, estimate_sequential, estimate_spatial
from tests.support.policies import random_policy

from .measurements import MEASURED, measured_board, measured_policy, name, table_line

pytest.importorskip("da4ml", reason="da4ml is not installed (pip install da4ml)")
ESTIMATE = {
    "sequential": estimate_sequential,
    "spatial": estimate_spatial,
    "shallow": partial(estimate_spatial, shallow=True),
}
ERROR = 0.15


@pytest.mark.parametrize("row", MEASURED, ids=name)
def test_estimates_are_within_a_seventh_of_place_and_route(row):
    board = measured_board(row)
    found = ESTIMATE[row["kind"]](measured_policy(row), row["option"], board)
    measured = row["luts"] if "luts" in row else row["core_luts"] + COSTS[board.family].frame
    assert abs(found.luts / measured - 1) <= ERROR
    assert abs(found.block_rams - row["block_rams"]) <= ERROR * row["block_rams"]
    assert (found.dsps, found.cycles) == (row["dsps"], row["cycles"])


@pytest.mark.parametrize("row", [row for row in MEASURED if row["use"] == "validation"], ids=name)
def test_what_was_estimated_before_its_synthesis_was_within_a_seventh_too(row):
    assert abs(row["first_estimate"] / row["luts"] - 1) <= ERROR


def test_the_documents_table_has_every_measurement():
    text = Path(__file__).parents[2].joinpath("docs", "hls.md").read_text()
    assert [line for line in map(table_line, MEASURED) if line not in text] == []


def test_cycles_are_those_of_the_designs():
    policy, board = random_policy(shape=(5, 20, 16, 4), sparsity=0.8), read_board("ulx3s-25f")
    assert estimate_sequential(policy, 2, board).cycles == sequential_design(policy, 2).cycles
    for shallow in (False, True):
        assert estimate_spatial(policy, 2, board, shallow).cycles == spatial_design(policy, 2, shallow).cycles


def test_latency_takes_the_fastest_and_area_the_smallest():
    policy, board = random_policy(shape=(11, 40, 40, 3), sparsity=0.885), read_board("ulx3s-45f")
    fastest = choose_design(policy, board, "latency", 3)
    smallest = choose_design(policy, board, "area", 3)
    assert (fastest.chosen.kind, smallest.chosen.kind, smallest.chosen.option) == ("spatial", "sequential", 1)
    assert fastest.chosen.latency_us == min(estimate.latency_us for estimate in fastest.looked_at)
    assert "fastest of 6" in fastest.reason


def test_what_does_not_fit_is_passed_over():
    policy = random_policy(shape=(11, 40, 40, 3), sparsity=0.885)
    chosen = choose_design(policy, read_board("icebreaker"), "latency", 3).chosen
    assert (chosen.kind, chosen.fits) == ("sequential", True)


def test_a_part_that_is_too_small_names_what_is_missing_and_what_would_fit():
    board = replace(read_board("icebreaker"), luts=900, block_rams=4)
    policy = random_policy(shape=(5, 20, 4), sparsity=0.5)
    message = r"icebreaker is too small: .*LUT of 900 and \d+ block RAMs of 4; take .*ulx3s-25f.* or an actor"
    with pytest.raises(NothingFits, match=message):
        choose_design(policy, board, "area", 3)


def test_block_rams_take_the_shape_that_wastes_least():
    assert BLOCK_RAMS["ice40"].blocks(2048, 18) == 9
    assert BLOCK_RAMS["ecp5"].blocks(2048, 18) == 2
    assert BLOCK_RAMS["ice40"].blocks(16, 16) == 0
