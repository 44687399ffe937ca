"""What the logic of a policy takes on a part, by the estimates that choose designs: nothing is synthesised."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.hls.board import Board, read_board
from ganglion.hls.choice import LANES, MOST_SPATIAL_NONZEROS
from ganglion.hls.estimate import Estimate, estimate_sequential, estimate_spatial
from ganglion.trainer.limit.pricing import DesignPrice, Price


@dataclass(frozen=True)
class Designed:
    """Prices policies for the part of a board of hls/boards; an object, so that it travels to the processes of a
    search. BoardError for a part that is not there."""

    part: str

    def __post_init__(self) -> None:
        read_board(self.part)

    def __call__(self, policy: Policy) -> Price:
        """Every design: sequential with each number of lanes; spatial and shallow where the netlist can be solved."""
        board, simple = read_board(self.part), simplify(policy)
        estimates = [estimate_sequential(simple, lanes, board) for lanes in LANES]
        if simple.nonzeros <= MOST_SPATIAL_NONZEROS:
            estimates += [estimate_spatial(simple, board.adders_per_stage, board, shallow) for shallow in (False, True)]
        return Price(simple.nonzeros, designs=tuple(_price(estimate, board) for estimate in estimates))


def _price(estimate: Estimate, board: Board) -> DesignPrice:
    ns = math.ceil(estimate.cycles * 1e9 / board.clock_hz)
    return DesignPrice(f"{estimate.kind}-{estimate.option}", ns, estimate.luts, estimate.fits)
