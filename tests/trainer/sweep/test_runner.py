"""Failures stay alone, a second start goes on, and what runs are told of is what lies on disk."""

import json
from dataclasses import replace

import pytest

from ganglion.trainer.storage.folder import claim
from ganglion.trainer.sweep import Axes, plan_runs, sweep

from .here import Report
from .instant import Instant, finish, tiny

AXES = Axes(("Pendulum-v1",), (0.5,), (True,), (0, 1), share_dense=True)


def _plan(folder, **changes):
    return plan_runs(replace(AXES, **changes), tiny, folder)


def test_failing_runs_are_reported_and_tried_again(tmp_path):
    runs = _plan(tmp_path, quantised=(True, False), seeds=(0,), share_dense=False)
    engine, told = Instant(fails=("Pendulum-v1 s0.5-int-seed0",)), Report()
    outcome = sweep(runs, engine, told)
    assert outcome.failed == {"Pendulum-v1 s0.5-int-seed0": "it broke"}
    assert len(outcome.results) == 3 and engine.closed
    assert sorted(state.status for state in told[-1]) == ["failed", "finished", "finished", "finished"]
    again = Instant()
    assert len(sweep(runs, again).results) == 4
    assert again.started == ["Pendulum-v1 s0.5-int-seed0"]


def test_shared_beginnings_come_first_and_take_their_followers_with_them(tmp_path):
    engine = Instant(slots=1, fails=("Pendulum-v1 beginning-seed1",))
    outcome = sweep(_plan(tmp_path), engine)
    assert engine.started[0] == "Pendulum-v1 beginning-seed0"
    assert not [name for name in engine.started if name.endswith("seed1") and "beginning" not in name]
    assert len(outcome.results) == 3 and len(outcome.failed) == 4
    assert "its beginning failed: it broke" in outcome.failed.values()


def test_a_beginning_that_leaves_no_checkpoint_has_failed(tmp_path):
    engine = Instant(leaves_nothing=("Pendulum-v1 beginning-seed0",))
    outcome = sweep(_plan(tmp_path), engine, Report())
    assert "ended without what it is for" in outcome.failed["Pendulum-v1 beginning-seed0"]
    followers = [error for name, error in outcome.failed.items() if "beginning" not in name]
    assert len(followers) == 3 and all(error.startswith("its beginning failed: it ended") for error in followers)
    assert len(outcome.results) == 3


def test_a_run_that_leaves_no_result_has_failed(tmp_path):
    name = "Pendulum-v1 s0.5-int-seed0"
    outcome = sweep(_plan(tmp_path, share_dense=False), Instant(leaves_nothing=(name,)), Report())
    assert list(outcome.failed) == [name] and "ended without what it is for" in outcome.failed[name]


def test_results_are_those_of_the_sweeps_own_protocol(tmp_path):
    runs = _plan(tmp_path, seeds=(0,), share_dense=False)
    for run in runs:
        finish(run)
    others = [replace(run, protocol=replace(run.protocol, gamma=0.5)) for run in runs]
    engine = Instant(leaves_nothing=[run.name for run in others])
    outcome = sweep(others, engine, Report())
    assert engine.started == [run.name for run in others] and not outcome.results


@pytest.mark.parametrize("step", [b"\xff\x00", b"", b"9" * 5_000, b"\xc2\xb2"])
def test_a_step_that_cannot_be_read_does_not_end_a_sweep(tmp_path, step):
    run = _plan(tmp_path, seeds=(0,), share_dense=False)[0]
    claim(run.folder, run.protocol.described)
    (run.folder / "step").write_bytes(step)
    (run.folder / "curve.jsonl").mkdir()
    assert len(sweep([run], Instant(), Report()).results) == 1


def test_a_run_that_begins_with_another_s_checkpoint_is_told_from_there(tmp_path):
    report = Report()
    sweep(_plan(tmp_path, seeds=(0,)), Instant(slots=1), report)
    beginning, follower, *_ = report[1]
    assert (beginning.status, follower.status, follower.step) == ("finished", "running", beginning.run.steps)
    report.clear()
    sweep(_plan(tmp_path / "other", seeds=(0,)), Instant(slots=1, fails=(beginning.run.name,)), report)
    assert report[-1][1].step == 0


WHOLE = json.dumps({"step": 50, "returns": [1.0, 3.0]}) + "\n"


@pytest.mark.parametrize(
    ("curve", "step", "told"),
    [
        (WHOLE, "50", (50, 2.0)),
        (WHOLE + WHOLE[:20], "70", (70, 2.0)),
        (WHOLE + WHOLE[:20] + WHOLE, "70", (70, 2.0)),
        (WHOLE + "\0\0", "", (0, 2.0)),
        (WHOLE[:9], "50", (50, None)),
    ],
)
def test_half_a_line_does_not_end_a_sweep(tmp_path, curve, step, told):
    runs = _plan(tmp_path, seeds=(0,), share_dense=False)
    folder = runs[-1].folder
    claim(folder, runs[-1].protocol.described)
    (folder / "curve.jsonl").write_text(curve)
    (folder / "step").write_text(step)
    report = Report()
    assert len(sweep(runs, Instant(slots=1), report).results) == 3
    waiting = report[0][-1]
    assert waiting.status == "waiting" and (waiting.step, waiting.last_return) == told
