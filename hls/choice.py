"""Which design: the fastest or the smallest that fits the board, by the estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ganglion.codegen.policy import Policy

from .board import Board, boards, read_board
from .estimate import Estimate, estimate_sequential, estimate_spatial

Goal = Literal["latency", "area"]
LANES = (1, 2, 4, 8)
MOST_SPATIAL_NONZEROS = 6_000  # more do not fit any board here, and take minutes to solve


class NothingFits(ValueError):
    """No design of the policy fits the board; says what is missing and where it would fit."""


@dataclass(frozen=True)
class Choice:
    """The estimate that was `chosen`, all that were looked at, and why."""

    chosen: Estimate
    looked_at: tuple[Estimate, ...]
    reason: str


def choose_design(policy: Policy, board: Board, goal: Goal, adders_per_stage: int) -> Choice:
    """The design of a simplified `policy` for `board` that is best for `goal`; NothingFits when there is none."""
    looked_at = estimate_designs(policy, board, adders_per_stage)
    fitting = [estimate for estimate in looked_at if estimate.fits]
    if not fitting:
        raise NothingFits(_explain(policy, looked_at, board))
    keys: dict[str, Callable[[Estimate], tuple[float, float]]] = {
        "latency": lambda estimate: (estimate.latency_us, estimate.luts),
        "area": lambda estimate: (estimate.luts, estimate.latency_us),
    }
    chosen = min(fitting, key=keys[goal])
    what = "fastest" if goal == "latency" else "smallest"
    reason = f"the {what} of {len(fitting)} designs that fit the {board.name} ({len(looked_at)} looked at)"
    return Choice(chosen, tuple(looked_at), reason)


def estimate_designs(policy: Policy, board: Board, adders_per_stage: int) -> list[Estimate]:
    """Every design of a simplified `policy` on `board`: sequential with each number of lanes; spatial and shallow where
    the netlist can be solved."""
    estimates = [estimate_sequential(policy, lanes, board) for lanes in LANES]
    if policy.nonzeros <= MOST_SPATIAL_NONZEROS:
        estimates += [estimate_spatial(policy, adders_per_stage, board, shallow) for shallow in (False, True)]
    return estimates


def _explain(policy: Policy, looked_at: list[Estimate], board: Board) -> str:
    smallest = min(looked_at, key=lambda estimate: (_excess(estimate), estimate.luts))
    excess = _excess(smallest)
    larger = [
        name for name in boards()
        if (other := read_board(name)).luts >= excess * board.luts and other.block_rams >= smallest.block_rams
    ]  # fmt: skip
    advice = f"take {' or '.join(larger)}, or " if larger else ""
    return (
        f"{board.name} is too small: the least of all designs ({smallest.kind}-{smallest.option}) takes about "
        f"{smallest.luts:,} LUT of {board.luts:,} and {smallest.block_rams} block RAMs of {board.block_rams}; "
        f"{advice}an actor with at most {int(policy.nonzeros / excess):,} nonzeros instead of {policy.nonzeros:,}"
    )


def _excess(estimate: Estimate) -> float:
    return max(estimate.luts / (0.9 * estimate.available_luts), estimate.block_rams / estimate.available_block_rams)
