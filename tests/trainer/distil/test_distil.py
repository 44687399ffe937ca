"""Whole runs on a small task: what comes out, that it repeats, that it resumes, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganglion.codegen import arithmetic, reference
from ganglion.codegen.actor import read_actor, write_actor
from ganglion.trainer.compression.calibration import BitWidths
from ganglion.trainer.distil import DistilError, Settings, distil, judge, measure_teacher
from ganglion.trainer.distil.dataset import Dataset
from ganglion.trainer.distil.distillation import _Run
from ganglion.trainer.distil.fleet import Fleet
from ganglion.trainer.distil.labels import Labeller, Labels
from ganglion.trainer.distil.learner import Learner
from ganglion.trainer.storage.folder import FolderError
from ganglion.trainer.teacher import Normaliser, Teacher, network

from .point import ENV, teacher

SMALL = Settings(
    sparsity=0.8,
    updates=240,
    batch_size=64,
    environments=4,
    teacher_steps=400,
    round_steps=60,
    rounds=20,
    prune_events=20,
    warmup_updates=10,
    capacity=1_500,
    recent_observations=300,
)
WEIGHTS = 12 * 3 + 12 * 12 + 2 * 12


@pytest.fixture(scope="module")
def student():
    return distil(teacher(), SMALL)


def test_the_student_keeps_the_teachers_return_and_says_so(student):
    verdict = judge(student.policy, measure_teacher(teacher()))
    assert verdict.share > 0.95
    assert verdict.low <= verdict.share <= verdict.high
    assert student.about["sparsity"] == {"nominal": 0.8, "weights": WEIGHTS, "nonzeros": student.policy.nonzeros}


def test_the_run_keeps_exactly_the_weights_that_are_asked_for():
    reports = []
    distil(teacher(), SMALL, reports.append)
    assert reports[-1].nonzeros == WEIGHTS - round(0.8 * WEIGHTS)
    assert [report.phase for report in reports] == ["prune", "prune", "integer", "integer"]
    assert reports[-1].update == SMALL.updates


def test_a_run_that_prunes_before_its_first_update_ends():
    short = replace(SMALL, updates=20, round_steps=5, sparsity=0.9)
    assert short.sparsity_at(0) is not None
    assert distil(teacher(), short).policy.nonzeros <= WEIGHTS - round(0.9 * WEIGHTS)


@pytest.mark.parametrize(
    "change",
    [
        {"bits": BitWidths()},
        {"bits": BitWidths(weights=4)},
        {"bits": BitWidths(weights=4), "rounding": "freeze"},
        {"bits": BitWidths(weights=6), "rounding": "freeze", "pattern": "pairs"},
        {"bits": BitWidths(weights=5, powers_of_two=True)},
        {"bits": BitWidths(8, 16, 16), "pattern": "neurons", "sparsity": 0.5},
        {"bits": BitWidths(per_row=False)},
    ],
)
def test_the_exported_integers_are_the_students_actions(change):
    run = _Run(teacher(), replace(SMALL, updates=60, **change), lambda _: None, None, None)
    run.go()
    observations = run.dataset.columns[0][: run.dataset.size].numpy()
    policy = run.student().policy
    means = run.learner.means(torch.from_numpy(observations)).detach().numpy()
    head = policy.layers[-1]
    codes, _ = arithmetic.quantise(
        observations, policy.observation.gain, policy.observation.offset, policy.observation.bits
    )
    assert np.array_equal(reference.activations(policy, codes)[-1] * 2.0**head.output_exponent, means)


@pytest.mark.parametrize("bits", [BitWidths(8, powers_of_two=True), BitWidths(4), BitWidths(3)])
def test_coarse_weights_are_frozen_and_still_keep_the_return(bits):
    policy = distil(teacher(), replace(SMALL, bits=bits, sparsity=0.7, rounding="freeze")).policy
    codes = np.unique(np.abs(np.concatenate([layer.weights.ravel() for layer in policy.layers]).astype(int)))
    assert codes[-1] <= (64 if bits.powers_of_two else (1 << bits.weights - 1) - 1)
    if bits.powers_of_two:
        assert not (codes & (codes - 1)).any()
    assert judge(policy, measure_teacher(teacher(), 10)).share > 0.9


def test_pairs_stay_pairs_and_neurons_stay_dense():
    run = _Run(teacher(), replace(SMALL, updates=60, pattern="pairs"), lambda _: None, None, None)
    run.go()
    for layer in run.learner.layers:
        even = layer.in_features // 2 * 2
        assert torch.equal(layer.mask[:, 0:even:2], layer.mask[:, 1:even:2])
    run = _Run(teacher(), replace(SMALL, updates=60, pattern="neurons", sparsity=0.5), lambda _: None, None, None)
    run.go()
    assert all(layer.mask.all() for layer in run.learner.layers)
    assert run.learner.nonzeros <= WEIGHTS - round(0.5 * WEIGHTS)


def test_masks_hold_to_the_end():
    run = _Run(teacher(), SMALL, lambda _: None, None, None)
    run.go()
    for layer in run.learner.layers:
        assert torch.equal(layer.weight, layer.weight * layer.mask)
        assert not layer.codes()[0][layer.mask == 0].any()


def test_the_same_seed_gives_the_same_file(student, tmp_path):
    for name, run in (
        ("a", student),
        ("b", distil(teacher(), SMALL)),
        ("c", distil(teacher(), replace(SMALL, seed=1))),
    ):
        write_actor(tmp_path / name, run.policy, run.about)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_actor(tmp_path / "a").policy.digest != read_actor(tmp_path / "c").policy.digest


def test_a_run_that_is_interrupted_while_weights_freeze_ends_in_the_same_student(tmp_path):
    def interrupt(report):
        if report.update == 200:
            raise KeyboardInterrupt

    settings = replace(SMALL, bits=BitWidths(powers_of_two=True))
    with pytest.raises(KeyboardInterrupt):
        distil(teacher(), settings, interrupt, folder=tmp_path)
    resumed, whole = distil(teacher(), settings, folder=tmp_path), distil(teacher(), settings)
    assert resumed.policy.digest == whole.policy.digest and resumed.about == whole.about


@pytest.mark.parametrize(("phase", "stop_at"), [("prune", 100), ("integer", 200)])
def test_an_interrupted_run_ends_in_the_same_student(student, tmp_path, phase, stop_at):
    def interrupt(report):
        if report.update == stop_at:
            assert report.phase == phase
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distil(teacher(), SMALL, interrupt, folder=tmp_path)
    reports = []
    resumed = distil(teacher(), SMALL, reports.append, folder=tmp_path)
    assert resumed.policy.digest == student.policy.digest
    assert resumed.about == student.about
    assert reports[0].update > 0


def test_a_folder_belongs_to_one_run(tmp_path):
    distil(teacher(), replace(SMALL, updates=60), folder=tmp_path)
    with pytest.raises(FolderError, match="differs in: seed;"):
        distil(teacher(), replace(SMALL, updates=60, seed=4), folder=tmp_path)


def test_a_damaged_snapshot_starts_again(tmp_path):
    settings = replace(SMALL, updates=60)
    first = distil(teacher(), settings, folder=tmp_path)
    (tmp_path / "snapshot.pt").write_bytes(b"not a snapshot")
    assert distil(teacher(), settings, folder=tmp_path).policy.digest == first.policy.digest


def test_recorded_observations_are_enough():
    fleet = Fleet(ENV, SMALL)
    fleet.restart(0)
    steer = drive(teacher())
    recorded = fleet.collect(1_500, steer, None, 50)
    student = distil(
        replace(teacher(), env_id="NoSuchSimulator-v0", about={"action_bounds": [[-2, -2], [4, 4]]}),
        SMALL,
        observations=recorded,
    )
    assert student.about["provenance"]["steps"] == 0
    assert student.action_error < 0.1
    actions = reference.infer(student.policy, recorded[:100]).actions
    assert np.abs(actions - (steer(recorded[:100]) * 3 + 1)).mean() < 0.3


def test_longer_rounds_are_kept_as_long():
    """As many rounds are remembered, and as many count as recent, however long they are."""
    longer = SMALL.with_rounds_of(4 * SMALL.round_steps)
    assert (longer.capacity, longer.recent_observations) == (6_000, 1_200)
    assert longer.with_rounds_of(SMALL.round_steps) == SMALL == SMALL.with_rounds_of(SMALL.round_steps)
    rounds = sum(SMALL.collects_at(update) for update in range(SMALL.updates))
    steps = [distil(teacher(), settings).about["provenance"]["steps"] for settings in (SMALL, longer)]
    assert steps == [400 + rounds * settings.round_steps for settings in (SMALL, longer)]


def drive(policy):
    with torch.no_grad():
        return lambda x: torch.tanh(policy.actor(torch.from_numpy(x))).detach().numpy()


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        (np.full((50, 3), np.nan), "50 of 50 observations are not finite, the first in row 0, feature 0"),
        (np.zeros((50, 4)), r"shape \(50, 4\)"),
        (np.zeros(3), r"shape \(3,\)"),
    ],
)
def test_bad_observations_are_refused(observations, message):
    with pytest.raises(DistilError, match=message):
        distil(teacher(), SMALL, observations=observations)


def test_a_teacher_no_better_than_random_is_refused_before_any_rollout():
    with pytest.raises(DistilError, match="there is nothing to distil"):
        distil(teacher(sign=-1.0), SMALL)


def test_an_environment_that_returns_nan_is_named():
    with pytest.raises(DistilError, match="nan as feature 1"):
        fleet = Fleet("GanglionTestBroken-v0", SMALL)
        fleet.restart(0)
        fleet.collect(8, drive(teacher()), None, 50)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sparsity": 1.0}, "sparsity is 1.0"),
        ({"bits": BitWidths(weights=9)}, "weights have 9 bits"),
        ({"updates": 5}, "use more updates"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"width": 0}, "width is 0"),
        ({"width": 1, "pattern": "pairs"}, "two neurons live together"),
        ({"pattern": "neurons", "allocation": "erk"}, "allocation is erk; whole neurons"),
        ({"bits": BitWidths(2, powers_of_two=True)}, "at least 3 bits"),
        ({"freeze_shares": (0.5, 0.4, 1.0)}, "must rise"),
        ({"rounding": "freeze", "freeze_end": 0.5}, "freezing ends at 0.5"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(DistilError, match=message):
        distil(teacher(), replace(SMALL, **change))


def _normalised(activation: str) -> Teacher:
    """The teacher behind a normaliser, which its first layer undoes."""
    made, normaliser = teacher(), Normaliser(torch.tensor([0.5, -1.0, 0.0]), torch.tensor([2.0, 0.5, 1.0]), 3.0)
    actor = network([(layer.weight.detach(), layer.bias.detach()) for layer in made.linears], activation)
    with torch.no_grad():
        actor[0].bias.add_(actor[0].weight @ normaliser.mean)
        actor[0].weight.mul_(normaliser.deviation)
    return replace(made, actor=actor, critics=(), normaliser=normaliser)


@pytest.mark.parametrize(
    ("activation", "squash", "head", "updates"),
    [("relu", "tanh", "teacher", 240), ("relu", "tanh", "clip", 240), ("tanh", "clip", "tanh", 480)],
)
def test_normalised_teachers_with_any_head_and_activation_are_learned(activation, squash, head, updates):
    taught_by = replace(_normalised(activation), squash=squash)
    student = distil(taught_by, replace(SMALL, head=head, sparsity=0.5, updates=updates))
    assert student.policy.head.kind == (squash if head == "teacher" else head)
    assert student.action_error < 0.3


def test_a_student_begins_as_its_teacher_whatever_normalises():
    taught_by = _normalised("relu")
    observations = torch.rand(64, 3) - 0.5
    learner = Learner(taught_by, observations, replace(SMALL, head="teacher"))
    torch.testing.assert_close(learner.means(observations), taught_by.means(observations), rtol=1e-4, atol=1e-4)
    far = torch.tensor([[100.0, 100.0, 100.0]])
    assert Learner(taught_by, torch.cat([observations, far]), SMALL).observation.gain.min() > 128 / 12


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("NoSuchSimulator-v0", "there is no environment .NoSuchSimulator-v0."),
        ("GanglionTestStuck-v0", r"GanglionTestStuck-v0 cannot be reset: RuntimeError\('no power'\)"),
        ("Pendulum-v1", "the teacher maps 3 features to 2 actions"),
    ],
)
def test_environments_that_cannot_be_run_are_refused(env_id, message):
    with pytest.raises(DistilError, match=message):
        distil(teacher(env_id=env_id), SMALL)


@pytest.mark.parametrize("change", [{"saliency": "magnitude"}, {"allocation": "erk"}, {"width": 5}, {"sparsity": 0.0}])
def test_options_run(change):
    student = distil(teacher(critics=False), replace(SMALL, updates=60, **change))
    assert student.policy.nonzeros <= WEIGHTS - round((SMALL.sparsity if "sparsity" not in change else 0) * WEIGHTS)
    assert max(student.policy.shape[1:3]) <= change.get("width", 12)


def test_the_dataset_forgets_the_oldest_and_draws_the_newest():
    dataset = Dataset(10, torch.Generator().manual_seed(0))
    for start in (0, 6, 12):
        rows = torch.arange(start, start + 6).float()[:, None]
        dataset.add(rows, Labels(rows, rows, rows))
    assert set(dataset.draw(500).observations[:, 0].tolist()) == set(range(8, 18))
    assert set(dataset.draw(100, 100, 3).observations[:, 0].tolist()) == {15, 16, 17}


def test_labels_weigh_the_actions_that_the_critics_mind():
    settings = Settings(curvature_share=1.0, curvature_limit=100.0)
    policy = teacher()
    first = Labeller(policy, settings)(torch.randn(64, 3))
    assert first.weights.mean().item() == pytest.approx(1.0, rel=1e-4)
    plain = Labeller(replace(policy, critics=()), settings)(torch.randn(64, 3))
    assert torch.equal(plain.weights, torch.ones(64, 2))
