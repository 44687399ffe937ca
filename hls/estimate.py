"""What a design will take, told before synthesis: look-up tables, block RAMs, multipliers, cycles.

Cycles are exact. Block RAMs follow from the memories' shapes. Tables of the spatial core are counted in its netlist;
those of the sequential core and of what is around a core hardly depend on the policy and are measured constants
(docs/hls.md, "Measured").
"""

from __future__ import annotations

from dataclasses import dataclass

from ganglion.codegen.policy import Policy

from .board import Board
from .core.memory import BLOCK_RAMS
from .core.netlist import Netlist
from .core.sequential import memory_shapes, sequential_design
from .core.spatial import build_network, spatial_cycles


@dataclass(frozen=True)
class Estimate:
    """A design of kind `kind` (sequential with `option` lanes; spatial or shallow with adders per stage) on a board."""

    kind: str
    option: int
    luts: int
    block_rams: int
    dsps: int
    cycles: int
    clock_hz: int
    available_luts: int
    available_block_rams: int

    @property
    def latency_us(self) -> float:
        """From the last observation code to the last action code, at the board's clock."""
        return self.cycles / self.clock_hz * 1e6

    @property
    def fits(self) -> bool:
        """With a tenth of the tables left for the router."""
        return self.luts <= 0.9 * self.available_luts and self.block_rams <= self.available_block_rams

    def __str__(self) -> str:
        state = "" if self.fits else ", too large"
        return (
            f"{self.kind}-{self.option}: {self.luts:,} LUT, {self.block_rams} RAM, {self.dsps} DSP, "
            f"{self.cycles:,} cycles = {self.latency_us:.2f} µs{state}"
        )


@dataclass(frozen=True)
class Costs:
    """Measured tables of a family: link, serial port and board (`frame`, with its block RAMs), the sequential core with
    its first lane and each further one, and what surrounds the spatial network (ports and head) with `port` tables per
    action. Argmax, which was not measured, counts as tanh."""

    frame: int
    frame_blocks: int
    sequential: int
    lane: int
    tanh: int
    clip: int
    port: int
    adder_bit: float  # tables per added bit
    adder: float  # and per adder


COSTS = {
    "ice40": Costs(850, 2, sequential=320, lane=77, tanh=300, clip=155, port=16, adder_bit=1.3, adder=1.0),
    "ecp5": Costs(800, 1, sequential=461, lane=90, tanh=360, clip=0, port=16, adder_bit=1.0, adder=1.0),
}
RECTIFIED_TABLES = 2  # beyond one table per bit of a hidden code


def estimate_sequential(policy: Policy, lanes: int, board: Board) -> Estimate:
    """The sequential core for a simplified `policy` on `board`."""
    costs, ram = COSTS[board.family], BLOCK_RAMS[board.family]
    luts = costs.frame + costs.sequential + (lanes - 1) * costs.lane
    blocks = sum(ram.blocks(*shape) for shape in memory_shapes(policy, lanes))
    cycles = sequential_design(policy, lanes).cycles
    return _estimate("sequential", lanes, luts, blocks + costs.frame_blocks, lanes, cycles, board)


def estimate_spatial(policy: Policy, adders_per_stage: int, board: Board, shallow: bool = False) -> Estimate:
    """The spatial core for a simplified `policy` on `board`, its graphs small or `shallow`."""
    costs, netlist = COSTS[board.family], Netlist(adders_per_stage)
    stages = build_network(policy, netlist, shallow)
    bits = sum(total.chain_bits for total in netlist.sums)
    rectified = sum(layer.rows * (layer.output_bits + RECTIFIED_TABLES) for layer in policy.layers[:-1])
    head = (costs.clip if policy.head.kind == "clip" else costs.tanh) + costs.port * policy.actions
    luts = costs.frame + head + rectified + round(costs.adder_bit * bits + costs.adder * len(netlist.sums))
    cycles = spatial_cycles(policy, stages)
    kind = "shallow" if shallow else "spatial"
    return _estimate(kind, adders_per_stage, luts, costs.frame_blocks, 0, cycles, board)


def _estimate(kind: str, option: int, luts: int, blocks: int, dsps: int, cycles: int, board: Board) -> Estimate:
    return Estimate(kind, option, luts, blocks, dsps, cycles, board.clock_hz, board.luts, board.block_rams)
