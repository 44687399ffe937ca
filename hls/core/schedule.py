"""Static schedule of a sparse policy on the lanes of the sequential core.

One slot is one clock of one lane: one product. A row's products occupy slots of one lane, without another row's
products between them. The core ends at most one row per clock and gives results back after a fixed delay, so
that the whole inference is decided here and nothing ever stalls at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ganglion.codegen.policy import Linear, Policy

RESULT_DELAY = 7  # slots from a row's last product to the first that may read its result
TANH_SLOTS = 2  # products of one tanh
TANH_DELAY = 8  # slots from an output row's last product to its tanh's
TANH_HOLD = 5  # slots from the next output row's last product until the tanh operands change
FIRST_SLOT = 1  # the program counter rests on slot 0


@dataclass(frozen=True)
class Row:
    """Products of one neuron: `columns[i]` of its layer's input in slot `slots[i]` of `lane`; ends in `slots[-1]`."""

    layer: int
    row: int
    lane: int
    columns: tuple[int, ...]
    slots: tuple[int, ...]

    @property
    def end(self) -> int:
        """Slot of the last product."""
        return self.slots[-1]


@dataclass(frozen=True)
class Tanh:
    """The two slots of lane 0, the second of them `end`, that turn output `row` into an action code."""

    row: int
    end: int


@dataclass
class Schedule:
    """Rows and tanh slots of one inference on `lanes` lanes."""

    lanes: int
    rows: list[Row] = field(default_factory=list)
    tanh: list[Tanh] = field(default_factory=list)

    @property
    def in_order(self) -> list[Row | Tanh]:
        """What uses the shared row path, in the order of the clocks."""
        return sorted([*self.rows, *self.tanh], key=lambda item: item.end)

    @property
    def last_slot(self) -> int:
        """Slot in which the inference ends."""
        return max(item.end for item in (*self.rows, *self.tanh))


def schedule(policy: Policy, lanes: int) -> Schedule:
    """Place every row of `policy`, hidden layers for the earliest end, outputs in their natural order.

    On several lanes at most one row ends in a clock, so that short rows have to be mixed with long ones: the best of
    two orders is taken.
    """
    orders = (_longest_first,) if lanes == 1 else (_longest_first, _long_and_short)
    return min((_Scheduler(policy, lanes, order).run() for order in orders), key=lambda plan: plan.last_slot)


def _longest_first(columns: dict[int, tuple[int, ...]]) -> list[int]:
    return sorted(columns, key=lambda row: -len(columns[row]))


def _long_and_short(columns: dict[int, tuple[int, ...]]) -> list[int]:
    """The longest, the shortest, the second longest, ..."""
    rows = _longest_first(columns)
    return [rows[index // 2] if index % 2 == 0 else rows[-1 - index // 2] for index in range(len(rows))]


class _Scheduler:
    def __init__(self, policy: Policy, lanes: int, order: Callable[[dict[int, tuple[int, ...]]], list[int]]):
        self.policy = policy
        self.order = order
        self.result = Schedule(lanes)
        self.free = [FIRST_SLOT] * lanes
        self.ends: set[int] = set()

    def run(self) -> Schedule:
        ready = np.zeros(self.policy.features, int)
        for index, layer in enumerate(self.policy.layers[:-1]):
            ready = self._place_hidden(index, layer, ready)
        self._place_outputs(len(self.policy.layers) - 1, self.policy.layers[-1], ready)
        return self.result

    def _place_hidden(self, index: int, layer: Linear, ready: np.ndarray) -> np.ndarray:
        """The next row in order on the lane that is free first, passing over rows that would have to wait."""
        columns = {row: _by_readiness(layer.weights[row], ready) for row in range(layer.rows)}
        waiting = self.order(columns)
        results = np.zeros(layer.rows, int)
        while waiting:
            lane = int(np.argmin(self.free))
            row = self._least_stalled(waiting, columns, ready, self.free[lane])
            waiting.remove(row)
            placed = self._place(index, row, lane, columns[row], ready)
            results[row] = placed.end + RESULT_DELAY
        return results

    def _least_stalled(self, waiting: list[int], columns: dict, ready: np.ndarray, start: int) -> int:
        best, least = waiting[0], None
        for row in waiting:
            end = self._slots(columns[row], ready, start)[-1]
            stall = end - start - len(columns[row])
            if least is None or stall < least:
                best, least = row, stall
            if end - start + 1 == len(columns[row]):
                break
        return best

    def _place_outputs(self, index: int, layer: Linear, ready: np.ndarray) -> None:
        previous = -1
        for row in range(layer.rows):
            columns = _by_readiness(layer.weights[row], ready)
            lane, earliest = int(np.argmin(self.free)), previous + 1
            if self.policy.head.kind == "tanh" and row > 0:
                if lane == 0:
                    earliest = previous + TANH_DELAY - TANH_HOLD
                else:
                    earliest = max(earliest, self._place_tanh(row - 1, previous) - TANH_HOLD)
            placed = self._place(index, row, lane, columns, ready, earliest)
            if self.policy.head.kind == "tanh" and row > 0 and lane == 0:
                self._place_tanh(row - 1, previous)
            previous = placed.end
        if self.policy.head.kind == "tanh":
            self._place_tanh(layer.rows - 1, previous)

    def _place(self, index, row, lane, columns, ready, earliest_end=0) -> Row:
        slots = self._slots(columns, ready, self.free[lane], earliest_end)
        placed = Row(index, row, lane, columns, slots)
        self.result.rows.append(placed)
        self.free[lane] = placed.end + 1
        self.ends.add(placed.end)
        return placed

    def _place_tanh(self, row: int, end: int) -> int:
        """Both slots of a tanh steer the shared row path, so that no row may end in either of them."""
        slot = max(self.free[0] + TANH_SLOTS - 1, end + TANH_DELAY)
        while not self.ends.isdisjoint(range(slot - TANH_SLOTS + 1, slot + 1)):
            slot += 1
        self.result.tanh.append(Tanh(row, slot))
        self.free[0] = slot + 1
        self.ends.update(range(slot - TANH_SLOTS + 1, slot + 1))
        return slot

    def _slots(self, columns, ready, start: int, earliest_end: int = 0) -> tuple[int, ...]:
        """Slots of one row: each product as soon as its activation is there, the last when no other row ends."""
        slots, slot = [], start
        for column in columns:
            slot = max(slot, int(ready[column]))
            slots.append(slot)
            slot += 1
        if not columns:
            slots.append(start)
        slots[-1] = self._unused(max(slots[-1], earliest_end))
        return tuple(slots)

    def _unused(self, slot: int) -> int:
        while slot in self.ends:
            slot += 1
        return slot


def _by_readiness(weights: np.ndarray, ready: np.ndarray) -> tuple[int, ...]:
    """Columns of the nonzero weights, the first available first."""
    columns = np.flatnonzero(weights)
    return tuple(columns[np.argsort(ready[columns], kind="stable")].tolist())
