"""What the logic of a policy takes on a part, by the estimates that choose designs: nothing is synthesised."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.hls.board import Board, read_board
from ganglion.hls.choice import estimate_designs
from ganglion.hls.estimate import Estimate
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
        estimates = estimate_designs(simple, board, board.adders_per_stage)
        return Price(simple.nonzeros, designs=tuple(_price(estimate, board) for estimate in estimates))


def _price(estimate: Estimate, board: Board) -> DesignPrice:
    ns = math.ceil(estimate.cycles * 1e9 / board.clock_hz)
    return DesignPrice(f"{estimate.kind}-{estimate.option}", ns, estimate.luts, estimate.fits)
