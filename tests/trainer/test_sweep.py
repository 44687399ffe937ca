"""Sweeps: which runs there are, that failures stay alone, that a second start goes on, and what is drawn."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ganglion.trainer.engines import LocalEngine
from ganglion.trainer.protocol import ProtocolError
from ganglion.trainer.result import Result, write_result
from ganglion.trainer.sweep import Axes, plan_runs, sweep
from ganglion.trainer.sweep.figure import aggregate, draw, published
from ganglion.trainer.sweep.worker import work
from tests.trainer.test_train import SMALL

TINY = replace(SMALL, steps=300, evaluate_every=50, checkpoint_every=50)


def _tiny(env_id):
    return replace(TINY, env_id=env_id)


def _result(run, mean=1.0):
    protocol = run.protocol
    return Result(
        "sac", protocol.env_id, protocol.seed, protocol.sparsity, protocol.quantised, 1, 1, [mean - 1, mean + 1],
        None, None, False, None,
    )  # fmt: skip


class _Instant:
    """Finishes every run at once, but for those that `fails` names."""

    def __init__(self, slots=2, fails=()):
        self.slots, self.fails, self.started, self.ended, self.closed = slots, fails, [], [], False

    def start(self, run):
        self.started.append(run.name)
        self.ended.append(run)
        assert len(self.ended) <= self.slots
        if run.name in self.fails:
            return
        if run.stop_before is None:
            write_result_in(run)
        else:
            (run.folder / f"step-{run.steps:09d}").mkdir(parents=True)

    def wait(self, timeout_s):
        run = self.ended.pop(0)
        return [(run, "it broke" if run.name in self.fails else None)]

    def close(self):
        self.closed = True


def write_result_in(run):
    run.folder.mkdir(parents=True, exist_ok=True)
    write_result(run.folder, _result(run))


def test_the_plan_has_every_combination_and_a_dense_float_baseline(tmp_path):
    runs = plan_runs(Axes(("Pendulum-v1",), (0.5, 0.9), (True,), (0, 1)), _tiny, tmp_path)
    assert [run.name.split()[1] for run in runs if run.protocol.seed == 0] == [
        "dense-float-seed0", "dense-int-seed0", "s0.5-int-seed0", "s0.9-int-seed0"
    ]  # fmt: skip
    assert len({run.folder for run in runs}) == len(runs) == 8
    assert {run.protocol.total_steps for run in runs} == {360}


def test_a_bad_sparsity_is_named_before_anything_runs(tmp_path):
    with pytest.raises(ProtocolError, match=r"sparsity is 1\.5"):
        plan_runs(Axes(("Pendulum-v1",), (0.5, 1.5), (True,), (0,)), _tiny, tmp_path)


def test_failing_runs_are_reported_and_tried_again(tmp_path):
    runs = plan_runs(Axes(("Pendulum-v1",), (0.5,), (True, False), (0,)), _tiny, tmp_path)
    engine, told = _Instant(fails=("Pendulum-v1 s0.5-int-seed0",)), []
    outcome = sweep(runs, engine, told.append)
    assert outcome.failed == {"Pendulum-v1 s0.5-int-seed0": "it broke"}
    assert len(outcome.results) == 3 and engine.closed
    assert sorted(state.status for state in told[-1]) == ["failed", "finished", "finished", "finished"]
    again = _Instant()
    assert len(sweep(runs, again).results) == 4
    assert again.started == ["Pendulum-v1 s0.5-int-seed0"]


def test_shared_beginnings_come_first_and_take_their_followers_with_them(tmp_path):
    axes = Axes(("Pendulum-v1",), (0.5,), (True,), (0, 1), share_dense=True)
    runs = plan_runs(axes, _tiny, tmp_path)
    engine = _Instant(slots=1, fails=("Pendulum-v1 beginning-seed1",))
    outcome = sweep(runs, engine)
    assert engine.started[0] == "Pendulum-v1 beginning-seed0"
    assert not [name for name in engine.started if name.endswith("seed1") and "beginning" not in name]
    assert len(outcome.results) == 3 and len(outcome.failed) == 4
    assert "its beginning failed: it broke" in outcome.failed.values()


def _results(env_id, seeds, correlated=False):
    return [
        Result(
            "sac", env_id, seed, sparsity, quantised, 1, 1, [100.0 * seed + 10 * sparsity], None, None, correlated, None
        )
        for seed in range(seeds) for sparsity in (0.0, 0.5, 0.98) for quantised in (False, True)
    ]  # fmt: skip


def test_points_are_means_over_seeds_with_intervals():
    points = aggregate(_results("Hopper-v4", 3))
    assert len(points) == 6
    dense = points[0]
    assert (dense.sparsity, dense.quantised, dense.seeds, dense.mean) == (0.0, False, 3, 100.0)
    assert 0 <= dense.low < dense.mean < dense.high <= 200
    single = aggregate(_results("Hopper-v4", 1))
    assert all(point.low is None and point.high is None for point in single)


def test_the_papers_values_are_data():
    values = published("Hopper-v4")
    assert len(values) == 18 and values == published("Hopper-v5")
    (at_98,) = (value for value in values if value.sparsity == 0.98 and value.quantised)
    assert (at_98.mean, at_98.band, at_98.seeds) == (2796, 773, 10)
    assert len(published("BoxingNoFrameskip-v4", "residual")) == 14
    assert published("Pendulum-v1") == []


def test_figures_are_the_same_for_the_same_results(tmp_path):
    texts = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        paths = draw(aggregate(_results("Hopper-v4", 3, correlated=True)), "Hopper-v4", folder)
        assert [path.name for path in paths] == ["Hopper-v4.svg", "Hopper-v4.png", "Hopper-v4.json"]
        texts.append([path.read_bytes() for path in paths])
    assert texts[0] == texts[1]
    svg = texts[0][0].decode()
    assert "paper: pruned, integers" in svg and "points correlate" in svg and "3 seeds" in svg
    assert len(json.loads(texts[0][2])["published"]) == 18


@pytest.mark.long
def test_one_process_killed_does_not_stop_the_others(tmp_path, monkeypatch):
    """kill -9 of one of two worker processes: the other run finishes, a second start finishes the first."""
    runs = plan_runs(Axes(("Pendulum-v1",), (0.9,), (False,), (0,)), _tiny, tmp_path)
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
