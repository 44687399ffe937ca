"""How far a sweep is: a picture for a terminal, lines for anything else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from ganglion.trainer.sweep import State

_STATUSES = ("finished", "running", "waiting", "failed")
_SUMMARY_EVERY_S = 60.0


def picture(states: Sequence[State]) -> Group:
    """Running and failed runs, and how many there are of each kind."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "", "steps", "return"):
        table.add_column(name, justify="right" if name in ("steps", "return") else "left")
    for state in states:
        if state.status == "running":
            bar = ProgressBar(total=state.run.steps, completed=state.step, width=24)
            last = "" if state.last_return is None else f"{state.last_return:,.1f}"
            table.add_row(state.run.name, bar, f"{state.step:,} of {state.run.steps:,}", last)
    failed = [Text(f"{state.run.name} failed: {state.error}", style="red") for state in states if state.error]
    return Group(table, *failed, Text(_summary(states)))


class Lines:
    """Tells `write` a line for each run that starts, ends or fails, and once a minute how many there are of each kind;
    `clock` gives seconds."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._statuses: dict[str, str] | None = None
        self._due_s = clock()

    def __call__(self, states: Sequence[State]) -> None:
        """What is new in `states`; runs that were finished before the first call are not told one by one."""
        if self._statuses is None:
            self._statuses = {state.run.name: state.status for state in states if state.status == "finished"}
        changed = [state for state in states if state.status != self._statuses.get(state.run.name, "waiting")]
        for state in changed:
            self._write(_line(state))
        self._statuses = {state.run.name: state.status for state in states}
        over, now_s = all(state.status in ("finished", "failed") for state in states), self._clock()
        if now_s >= self._due_s or (over and changed):
            self._write(_summary(states))
            self._due_s = now_s + _SUMMARY_EVERY_S


def _line(state: State) -> str:
    if state.status == "running":
        return f"{state.run.name} started at step {state.step:,} of {state.run.steps:,}, in {state.run.folder}"
    if state.status == "failed":
        return f"{state.run.name} failed: {state.error}"
    told = "" if state.last_return is None else f", last evaluation {state.last_return:,.1f}"
    return f"{state.run.name} {state.status}{told}"


def _summary(states: Sequence[State]) -> str:
    counts = [f"{sum(state.status == status for state in states)} {status}" for status in _STATUSES]
    share = sum(state.step for state in states) / max(1, sum(state.run.steps for state in states))
    return f"{', '.join(counts)}; {share:.0%} of all steps"
