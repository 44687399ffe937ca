"""Sweeps in real processes: one that is killed concerns no other, and its run goes on."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ganglion.trainer.engines import LocalEngine
from ganglion.trainer.sweep import Axes, plan_runs, sweep
from ganglion.trainer.sweep.worker import work

from .instant import TINY, tiny


@pytest.mark.long
def test_one_process_killed_does_not_stop_the_others(tmp_path, monkeypatch):
    """kill -9 of one of two worker processes: the other run finishes, a second start finishes the first."""
    runs = plan_runs(Axes(("Pendulum-v1",), (0.9,), (False,), (0,)), tiny, tmp_path)
    engine = LocalEngine(2, work)
    killed = []

    def kill_one(states):
        started = [state for state in states if state.status == "running" and state.step > 60]
        if started and not killed:
            run = started[0].run
            (process,) = (process for other, process in engine._running.values() if other == run)
            os.kill(process.pid, signal.SIGKILL)
            killed.append(run.name)

    outcome = sweep(runs, engine, kill_one)
    assert list(outcome.failed) == killed and "-9" in outcome.failed[killed[0]]
    assert len(outcome.results) == 1
    assert len(sweep(runs, LocalEngine(2, work)).results) == 2


@pytest.mark.long
def test_a_ray_worker_killed_in_the_middle_is_replaced(tmp_path):
    """Two workers of a local Ray; one is killed by the system, its run goes on from its checkpoint and all finish."""
    pytest.importorskip("ray", reason="ray is not installed (extra sweep)")
    from ganglion.trainer.engines import RayEngine

    protocol = replace(TINY, steps=1_500, checkpoint_every=100, evaluate_every=600)
    runs = plan_runs(Axes(("Pendulum-v1",), (0.9,), (True,), (0,)), lambda env_id: protocol, tmp_path)
    killed = []

    def kill_one(states):
        for state in states:
            if state.status == "running" and state.step > 300 and not killed:
                pids = _writers(state.run.folder)
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                killed.extend(pids)

    outcome = sweep(runs, RayEngine(work, workers=2), kill_one)
    assert killed and not outcome.failed
    assert len(outcome.results) == 3
    assert all(result.steps == protocol.total_steps for result in outcome.results if result.quantised)


def _writers(folder: Path) -> list[int]:
    """The processes that have the run's log open."""
    log, deadline = folder / "log.txt", time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [int(link.parts[2]) for link in Path("/proc").glob("[0-9]*/fd/*") if _points_to(link, log)]
        if found:
            return found
    return []


def _points_to(link: Path, file: Path) -> bool:
    try:
        return os.readlink(link) == str(file)
    except OSError:
        return False
