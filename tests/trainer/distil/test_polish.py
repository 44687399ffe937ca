"""Reinforcement learning on a finished student: what changes, what must not, that it resumes, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganglion.codegen import arithmetic, reference
from ganglion.codegen.policy import Policy
from ganglion.trainer.compression.calibration import BitWidths, calibrate
from ganglion.trainer.compression.export import export_policy
from ganglion.trainer.compression.layers import SparseLinear
from ganglion.trainer.distil.polish import _Student, polish
from ganglion.trainer.distil.relearning import layers_of
from ganglion.trainer.reinforce import ReinforceError, ReinforceSettings
from ganglion.trainer.reinforce.run import _Run

from .point import ENV, Point, teacher

INT8 = BitWidths()
SMALL = ReinforceSettings(
    steps=1_536,
    copies=8,
    rollout_steps=16,
    block_rollouts=4,
    value_rollouts=4,
    batch_size=32,
    epochs=4,
    learning_rate=3e-3,
    value_widths=(16,),
    evaluation_episodes=8,
)


def weak_student(bits: BitWidths = INT8, head: str = "tanh") -> Policy:
    """The teacher as integers without its small weights, and with a head that pushes too little."""
    layers = [SparseLinear(layer) for layer in teacher().linears]
    with torch.no_grad():
        for layer in layers:
            layer.mask = (layer.weight.abs() > 0.02).float()
            layer.weight.mul_(layer.mask)
        layers[-1].weight.mul_(0.15)
    calibrate(layers, 4 * torch.rand(500, 3) - 2, bits)
    return export_policy(layers, ENV, Point.action_space, head)


@pytest.fixture(scope="module")
def student():
    return weak_student()


@pytest.fixture(scope="module")
def polished(student):
    return polish(student, INT8, SMALL)


@pytest.mark.parametrize(
    "bits",
    [
        BitWidths(),
        BitWidths(4),
        BitWidths(5, powers_of_two=True),
        BitWidths(8, 16, 16),
        BitWidths(6, per_row=False),
    ],
)
def test_layers_export_the_student_that_they_were_made_from(bits):
    policy = weak_student(bits)
    assert export_policy(layers_of(policy, bits), ENV, Point.action_space, "tanh").digest == policy.digest


def test_a_weak_student_becomes_better_and_says_so(student, polished):
    before, chosen = polished.about["returns"]["before"], polished.about["returns"]["chosen"]
    assert chosen["mean"] > before["mean"] + 1
    assert polished.policy.digest != student.digest == polished.about["student"]
    assert polished.about["steps"] == polished.steps == SMALL.steps
    assert polished.about["best_of_evaluations"] == 4
    assert polished.about["chosen_step"] > SMALL.value_steps
    assert polished.minutes > 0


def test_zeros_and_scales_of_values_stay(student, polished):
    for old, new in zip(student.layers, polished.policy.layers, strict=True):
        assert not new.weights[old.weights == 0].any()
        assert (new.input_exponent, new.output_exponent) == (old.input_exponent, old.output_exponent)
        assert (new.output_bits, new.relu) == (old.output_bits, old.relu)
    assert np.array_equal(student.observation.gain, polished.policy.observation.gain)
    assert np.array_equal(student.observation.offset, polished.policy.observation.offset)


@pytest.mark.parametrize(
    ("bits", "head"),
    [(BitWidths(), "tanh"), (BitWidths(), "clip"), (BitWidths(5, powers_of_two=True), "clip"), (BitWidths(4), "tanh")],
)
def test_the_exported_integers_are_what_was_trained(bits, head):
    weak = weak_student(bits, head)
    run = _Run(_Student(weak, bits), replace(SMALL, steps=1_024), 0, lambda step, mean_return: None, None)
    run.go()
    observations = np.random.default_rng(0).uniform(-3, 3, (200, 3)).astype(np.float32)
    policy = run.trainee.export()
    means = run.model.policy.mlp_extractor.forward_actor(torch.from_numpy(observations)).detach().numpy()
    codes, _ = arithmetic.quantise(
        observations, policy.observation.gain, policy.observation.offset, policy.observation.bits
    )
    last = policy.layers[-1]
    assert np.array_equal(reference.activations(policy, codes)[-1] * 2.0**last.output_exponent, means)
    assert policy.digest != weak.digest


def test_the_student_rests_while_the_value_function_learns(student):
    exported = []
    run = _Run(_Student(student, INT8), SMALL, 0, lambda step, mean_return: None, None)
    for _ in range(2):
        run._learn()
        exported.append(run.trainee.export().digest)
    assert run.model.num_timesteps == 1_024
    assert exported[0] == student.digest != exported[1]


def test_a_student_is_never_worse_in_the_episodes_that_choose(student):
    spoiled = polish(student, INT8, replace(SMALL, learning_rate=3.0, steps=1_024))
    returns = spoiled.about["returns"]
    assert returns["chosen"]["mean"] >= returns["before"]["mean"]
    assert spoiled.about["chosen_step"] == 0 and spoiled.policy.digest == student.digest


def test_the_same_seed_gives_the_same_student_and_another_one_another(student, polished):
    assert polish(student, INT8, SMALL).policy.digest == polished.policy.digest
    assert polish(student, INT8, SMALL, seed=1).policy.digest != polished.policy.digest


@pytest.mark.parametrize("stop_at", [512, 1_024])
def test_an_interrupted_run_ends_in_the_same_student(student, polished, tmp_path, stop_at):
    def interrupt(report):
        if report.update == stop_at + 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        polish(student, INT8, SMALL, progress=interrupt, folder=tmp_path)
    reports = []
    resumed = polish(student, INT8, SMALL, progress=reports.append, folder=tmp_path)
    assert resumed.policy.digest == polished.policy.digest and resumed.about == polished.about
    assert [report.update for report in reports] == list(range(stop_at + 512, SMALL.steps + 1, 512))


def test_a_snapshot_of_another_run_or_a_damaged_one_is_not_used(student, polished, tmp_path):
    polish(student, INT8, replace(SMALL, steps=1_024), folder=tmp_path)
    assert polish(student, INT8, SMALL, folder=tmp_path).policy.digest == polished.policy.digest
    (tmp_path / "snapshot.pt").write_bytes(b"not a snapshot")
    assert polish(student, INT8, SMALL, folder=tmp_path).policy.digest == polished.policy.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 512}, "in the first 512 the value function learns alone"),
        ({"steps": -1}, "-1 environment steps"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"deviation": float("nan")}, "deviation is nan"),
        ({"deviation": 50.0}, "deviation is 50.0; allowed: 0.001 to 1"),
        ({"copies": 0}, "copies is 0"),
        ({"evaluation_episodes": 0}, "evaluation_episodes is 0"),
        ({"gamma": 1.5}, "gamma is 1.5"),
    ],
)
def test_bad_settings_are_refused(student, change, message):
    with pytest.raises(ReinforceError, match=message):
        polish(student, INT8, replace(SMALL, **change))
