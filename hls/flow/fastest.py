"""The fastest clock of a board that place and route proves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from ..board import Board
from .synth import NEAR, TimingError

Result = TypeVar("Result")


def at_fastest_clock(board: Board, attempt: Callable[[Board], Result]) -> Result:
    """What `attempt`, which synthesises, gives for `board` at the fastest clock that it does not refuse.

    Clocks are tried from the fastest down, without those that the try before missed by more than seeds make up for.
    The TimingError of the last try when it refuses all.
    """
    refused, reached_hz = None, math.inf
    for clock_mhz in sorted(board.clocks, reverse=True):
        if NEAR * clock_mhz * 1e6 > reached_hz:
            continue
        try:
            return attempt(board.at(clock_mhz))
        except TimingError as error:
            refused, reached_hz = error, error.fmax_hz
    raise refused
