"""Which runs a sweep has, whose a folder is, and what is refused before anything starts."""

import shutil
from dataclasses import replace

import pytest

from ganglion.trainer.environments import UnsuitableEnvironmentError
from ganglion.trainer.protocol import ProtocolError
from ganglion.trainer.storage.folder import FolderError, claim
from ganglion.trainer.sweep import Axes, plan_runs
from tests.trainer.test_dqn import SMALL as SMALL_DQN

from .instant import TINY, finish, tiny

AXES = Axes(("Pendulum-v1",), (0.5, 0.9), (True,), (0,))


def test_the_plan_has_every_combination_and_a_dense_float_baseline(tmp_path):
    runs = plan_runs(replace(AXES, seeds=(0, 1)), tiny, tmp_path)
    assert [run.name.split()[1] for run in runs if run.protocol.seed == 0] == [
        "dense-float-seed0", "dense-int-seed0", "s0.5-int-seed0", "s0.9-int-seed0"
    ]  # fmt: skip
    assert len({run.folder for run in runs}) == len(runs) == 8
    assert {run.protocol.total_steps for run in runs} == {360}


def test_what_is_named_twice_is_run_once(tmp_path):
    twice = Axes(AXES.env_ids * 2, (0.5, 0.9, 0.9), (True,), (0, 0))
    assert plan_runs(twice, tiny, tmp_path) == plan_runs(AXES, tiny, tmp_path)


@pytest.mark.parametrize("share_dense", [False, True])
def test_more_of_the_same_sweep_goes_on(tmp_path, share_dense):
    axes = replace(AXES, share_dense=share_dense)
    for run in plan_runs(axes, tiny, tmp_path):
        finish(run)
    assert all(run.finished for run in plan_runs(axes, tiny, tmp_path))
    more = replace(axes, sparsities=(0.5, 0.9, 0.7), seeds=(0, 1), env_ids=("Pendulum-v1", "Hopper-v5"))
    missing = [run.protocol for run in plan_runs(more, tiny, tmp_path) if not run.finished]
    assert {run.sparsity for run in missing if (run.env_id, run.seed) == ("Pendulum-v1", 0)} == {0.7}
    assert len(missing) == 1 + 3 * (5 + share_dense)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"steps": 400}, "steps"),
        ({"gamma": 0.9, "batch_size": 32}, "batch_size, gamma"),
        ({"pattern": "pairs"}, "pattern"),
        ({"bits": replace(TINY.bits, weights=4)}, r"bits\.weights"),
    ],
)
def test_another_protocols_folder_is_refused_with_what_differs(tmp_path, change, named):
    first = plan_runs(AXES, tiny, tmp_path)
    finish(first[2])
    with pytest.raises(FolderError, match=rf"s0\.5-int-seed0 holds a run that differs in: {named};"):
        plan_runs(AXES, lambda env_id: replace(TINY, **change), tmp_path)
    assert [path.name for path in (tmp_path / "Pendulum-v1").iterdir()] == ["s0.5-int-seed0"]


def test_a_shared_beginning_of_another_protocol_is_refused(tmp_path):
    axes = replace(AXES, share_dense=True)
    finish(plan_runs(axes, tiny, tmp_path)[0])
    with pytest.raises(FolderError, match=r"beginning-seed0 holds a run that differs in: tau;"):
        plan_runs(axes, lambda env_id: replace(TINY, tau=0.1), tmp_path)
    plan_runs(AXES, lambda env_id: replace(TINY, tau=0.1), tmp_path)


@pytest.mark.parametrize("share_dense", [False, True])
def test_what_another_protocol_left_does_not_count(tmp_path, share_dense):
    run = plan_runs(replace(AXES, share_dense=share_dense), tiny, tmp_path)[0]
    finish(run)
    assert run.finished and (run.result is None) == share_dense
    other = replace(run, protocol=replace(run.protocol, gamma=0.5))
    assert not other.finished and other.result is None


@pytest.mark.parametrize(
    ("sparsities", "message"), [((0.5, 1.5), r"sparsity is 1\.5"), ((0.5, 0.999), r"sparsity 0\.999 leaves \d+ of")]
)
def test_a_bad_sparsity_is_named_before_anything_runs(tmp_path, sparsities, message):
    with pytest.raises(ProtocolError, match=message):
        plan_runs(replace(AXES, sparsities=sparsities), tiny, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_bad_seed_is_named_before_anything_runs(tmp_path):
    with pytest.raises(ProtocolError, match="seed is -1"):
        plan_runs(replace(AXES, seeds=(0, -1)), tiny, tmp_path)


def test_actions_that_the_algorithm_cannot_take_are_named_before_anything_runs(tmp_path):
    with pytest.raises(UnsuitableEnvironmentError, match=r"Pendulum-v1 has actions .* use --algo sac"):
        plan_runs(AXES, lambda env_id: replace(SMALL_DQN, env_id=env_id), tmp_path)


def test_every_kind_of_run_is_checked_once_and_what_is_finished_not_at_all(tmp_path, monkeypatch):
    checked = []
    monkeypatch.setattr("ganglion.trainer.sweep.plan.check_run", checked.append)
    axes = replace(AXES, seeds=(0, 1))
    runs = plan_runs(axes, tiny, tmp_path)
    kinds = [(0.0, False), (0.0, True), (0.5, True), (0.9, True)]
    assert [(run.sparsity, run.quantised) for run in checked] == kinds
    for run in runs:
        finish(run)
    checked.clear()
    plan_runs(axes, tiny, tmp_path)
    assert not checked


def test_a_root_that_is_a_file_is_named_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FolderError, match=r"file is a file, not a folder"):
            plan_runs(AXES, tiny, root)


def test_folders_that_are_no_runs_are_named_before_anything_runs(tmp_path):
    runs = plan_runs(AXES, tiny, tmp_path)
    runs[1].folder.mkdir(parents=True)
    (runs[1].folder / "thesis.pdf").write_text("mine")
    with pytest.raises(FolderError, match=r"dense-int-seed0 holds thesis\.pdf and is no run's"):
        plan_runs(AXES, tiny, tmp_path)


def test_what_only_looks_like_a_checkpoint_does_not_end_a_beginning(tmp_path):
    axes = replace(AXES, share_dense=True)
    beginning = plan_runs(axes, tiny, tmp_path)[0]
    claim(beginning.folder, beginning.protocol.described)
    for name in ("step-xxx", "step-99"):
        (beginning.folder / name).mkdir()
    assert not plan_runs(axes, tiny, tmp_path)[0].finished
    finish(beginning)
    assert plan_runs(axes, tiny, tmp_path)[0].finished


def test_a_result_of_another_run_is_named_before_anything_runs(tmp_path):
    runs = plan_runs(AXES, tiny, tmp_path)
    for run in runs[-2:]:
        finish(run)
    shutil.copy(runs[-1].folder / "result.json", runs[-2].folder / "result.json")
    with pytest.raises(FolderError, match=r"s0\.5-int-seed0/result\.json is the result of another run, .*: sparsity;"):
        plan_runs(AXES, tiny, tmp_path)
    assert runs[-2].result is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"returns": []}'])
def test_a_run_whose_result_is_damaged_is_not_finished(tmp_path, content):
    run = plan_runs(AXES, tiny, tmp_path)[0]
    finish(run)
    (run.folder / "result.json").write_bytes(content)
    assert not plan_runs(AXES, tiny, tmp_path)[0].finished and run.result is None


def test_sparsities_that_are_almost_the_same_have_folders_of_their_own(tmp_path):
    runs = plan_runs(replace(AXES, sparsities=(0.9, 0.5, 0.5000001, 1e-5)), tiny, tmp_path)
    assert [run.folder.name for run in runs[2:]] == [
        "s0.9-int-seed0", "s0.5-int-seed0", "s0.5000001-int-seed0", "s1e-05-int-seed0"
    ]  # fmt: skip


@pytest.mark.parametrize("prune_start", [0.0, 0.003])
def test_without_dense_steps_there_is_no_beginning_to_share(tmp_path, prune_start):
    def make(env_id):
        return replace(TINY, prune_start=prune_start, learning_starts=0)

    plan_runs(AXES, make, tmp_path)
    with pytest.raises(ProtocolError, match=r"beginning-seed0: pruning starts at step [01] .*no dense beginning"):
        plan_runs(replace(AXES, share_dense=True), make, tmp_path)
