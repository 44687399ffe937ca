"""The sweep itself: starts what is not finished, as many at a time as there are slots, and outlives what fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..engines import Engine
from ..storage.checkpoint import newest_whole
from ..storage.curve import last_return
from ..storage.names import STEP
from ..storage.result import Result
from .plan import Run

_LOOK_EVERY_S = 1.0
_LONGEST_STEP = 18  # digits
_UNFINISHED = "it ended without what it is for: a result, or for a shared beginning its last checkpoint"
Status = Literal["waiting", "running", "finished", "failed"]


@dataclass(frozen=True)
class State:
    """How far a run is; `last_return` is the mean of its newest evaluation."""

    run: Run
    status: Status
    step: int
    last_return: float | None
    error: str | None = None


@dataclass
class Outcome:
    """Results of the finished runs, and by name what went wrong with the failed ones."""

    results: list[Result] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def sweep(runs: Sequence[Run], engine: Engine, report: Callable[[list[State]], None] = lambda states: None) -> Outcome:
    """Run all that is not finished yet, telling `report` every second; what came out of it.

    Beginnings whose checkpoints turn out to be damaged, now or when a run begins with them, are trained again.
    """
    _verify_beginnings(runs)
    waiting = [run for run in runs if not run.finished]
    running: list[Run] = []
    failed: dict[str, str] = {}
    try:
        while waiting or running:
            _ask_again(waiting, running, failed)
            _fill(waiting, running, failed, engine)
            report(_states(runs, running, failed))
            for run, error in engine.wait(_LOOK_EVERY_S) if running else []:
                running.remove(run)
                if error is not None or not run.finished:
                    failed[run.name] = error or _UNFINISHED
    finally:
        engine.close()
    report(_states(runs, running, failed))
    return Outcome([result for run in runs if (result := run.result)], failed)


def _verify_beginnings(runs: Sequence[Run]) -> None:
    """Have damaged checkpoints of beginnings that are still needed told and set aside."""
    needed = {run.beginning.folder: run.beginning for run in runs if run.beginning is not None and not run.finished}
    for beginning in needed.values():
        if beginning.finished:
            newest_whole(beginning.folder)


def _ask_again(waiting: list[Run], running: list[Run], failed: dict[str, str]) -> None:
    """Let beginnings wait that were finished until a run found their checkpoints damaged."""
    for run in list(waiting):
        beginning = run.beginning
        if beginning is None or beginning in [*waiting, *running] or beginning.name in failed:
            continue
        if not beginning.finished:
            waiting.insert(0, beginning)


def _fill(waiting: list[Run], running: list[Run], failed: dict[str, str], engine: Engine) -> None:
    for run in list(waiting):
        beginning = run.beginning
        if beginning is not None and beginning.name in failed:
            waiting.remove(run)
            failed[run.name] = f"its beginning failed: {failed[beginning.name]}"
        elif len(running) < engine.slots and (beginning is None or beginning.finished):
            waiting.remove(run)
            running.append(run)
            engine.start(run)


def _states(runs: Sequence[Run], running: Sequence[Run], failed: dict[str, str]) -> list[State]:
    return [_state(run, run in running, failed.get(run.name)) for run in runs]


def _state(run: Run, is_running: bool, error: str | None) -> State:
    last = last_return(run.folder)
    if error is not None:
        return State(run, "failed", _step(run), last, error)
    if is_running:
        return State(run, "running", _step(run), last)
    return State(run, "finished", run.steps, last) if run.finished else State(run, "waiting", _step(run), last)


def _step(run: Run) -> int:
    """The step that the run tells; where it tells none yet, its beginning's, if that is finished."""
    file = run.folder / STEP
    text = file.read_bytes()[:_LONGEST_STEP] if file.is_file() else b""
    if text.isdigit():
        return int(text)
    return run.beginning.steps if run.beginning is not None and run.beginning.finished else 0
