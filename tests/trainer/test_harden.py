"""Teachers that are trained on with noise: what comes out, that it resumes, and what is refused."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

from ganglion.main import main
from ganglion.trainer.critics import CriticSettings
from ganglion.trainer.evaluation import evaluate_together
from ganglion.trainer.harden import HardenSettings
from ganglion.trainer.harden import harden as train_and_fit
from ganglion.trainer.reinforce import ReinforceError
from ganglion.trainer.reinforce.noise import Noisy
from ganglion.trainer.reinforce.run import CHOICE_SEED
from ganglion.trainer.storage.folder import FolderError
from ganglion.trainer.teacher import Normaliser, read_teacher
from tests.trainer.distil.point import ENV, Point, teacher, teacher_file
from tests.trainer.distil.test_polish import SMALL as STUDENT

OTHER = "GanglionTestOtherPoint-v0"
if OTHER not in gymnasium.registry:
    gymnasium.register(OTHER, Point, max_episode_steps=40)
SMALL = HardenSettings(**vars(STUDENT) | {"measures_noise": True})
QUICK = CriticSettings(steps=300, updates=5)


def harden(made, folder, settings=SMALL, **options):
    """With critics that cost nothing."""
    return train_and_fit(made, settings, folder, critics=QUICK, **options)


def weak_teacher(**changes):
    """Its head pushes too little."""
    weak = teacher()
    with torch.no_grad():
        weak.actor[-1].weight.mul_(0.15)
    return replace(weak, **changes)


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch):
    monkeypatch.setattr("ganglion.trainer.harden.FINAL_EPISODES", 3)


@pytest.fixture(scope="module")
def hardened(tmp_path_factory):
    return harden(weak_teacher(), tmp_path_factory.mktemp("hardened"))


def test_a_weak_teacher_becomes_better_and_tells_how(hardened):
    weak = weak_teacher()
    told = hardened.about["provenance"]["harden"]
    before, chosen = told["returns"]["before"], told["returns"]["chosen"]
    assert chosen["mean"] > before["mean"] and chosen["noisy"]["mean"] > before["noisy"]["mean"]
    assert told["teacher"] == weak.digest == hardened.about["provenance"]["teacher"]["digest"] != hardened.digest
    assert told["steps"] == hardened.about["provenance"]["steps"] == SMALL.steps and told["best_of_evaluations"] == 4
    again = evaluate_together(hardened.play, ENV, SMALL.evaluation_episodes, CHOICE_SEED)
    assert chosen["mean"] == pytest.approx(np.mean(again), abs=1e-3)
    assert len(hardened.critics) == 2 and hardened.squash == "tanh"


def test_half_of_the_evaluation_is_noisy(hardened):
    """The noise is there: what is told with it differs from what is told without."""
    chosen = hardened.about["provenance"]["harden"]["returns"]["chosen"]
    assert chosen["noisy"]["mean"] != chosen["mean"] and chosen["noisy"]["first_seed"] == chosen["first_seed"]


def test_noise_has_its_deviation_and_stays_within_bounds():
    """In units of half an action's range, which is 3, around an action of 1; a seed decides it."""
    env = Noisy(Point(), 0.1)

    def noise(seed):
        env.reset(seed=seed)
        return np.array([(env.action(np.ones(2, np.float32)) - 1) / 3 for _ in range(5_000)])

    assert noise(0).std() == pytest.approx(0.1, rel=0.05)
    assert np.array_equal(noise(1), noise(1)) and not np.array_equal(noise(1), noise(2))
    wild = Noisy(Point(), 5.0)
    wild.reset(seed=0)
    assert all(wild.action_space.contains(wild.action(np.ones(2, np.float32))) for _ in range(50))


@pytest.mark.parametrize("kind", [nn.Tanh, nn.ELU])
def test_normaliser_activations_and_head_stay(tmp_path, kind):
    """Only weights and biases are learned."""
    weak = weak_teacher(squash="clip", normaliser=Normaliser(torch.zeros(3), torch.full((3,), 0.7), 5.0))
    weak = replace(weak, actor=nn.Sequential(*(kind() if isinstance(m, nn.ReLU) else m for m in weak.actor)))
    made = harden(weak, tmp_path, replace(SMALL, measures_noise=False))
    assert made.squash == "clip" and isinstance(made.actor[1], kind)
    assert torch.equal(made.normaliser.deviation, weak.normaliser.deviation)
    assert made.digest == read_teacher(tmp_path / "teacher.safetensors").digest
    assert np.array_equal(made.action_space.high, Point.action_space.high)


def test_the_teacher_that_is_given_is_not_changed(tmp_path):
    weak = weak_teacher()
    digest = weak.digest
    harden(weak, tmp_path)
    assert weak.digest == digest


def test_a_teacher_is_never_worse_in_the_episodes_that_choose(tmp_path):
    told = harden(teacher(), tmp_path, replace(SMALL, learning_rate=3.0)).about["provenance"]["harden"]
    assert told["chosen_step"] == 0 and told["returns"]["chosen"] == told["returns"]["before"]


@pytest.mark.parametrize("stop_at", [512, 1_024])
def test_an_interrupted_run_ends_in_the_same_teacher(hardened, tmp_path, stop_at):
    def interrupt(step, mean_return):
        if step == stop_at + 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harden(weak_teacher(), tmp_path, report=interrupt)
    steps = []
    resumed = harden(weak_teacher(), tmp_path, report=lambda step, mean_return: steps.append(step))
    assert resumed.digest == hardened.digest
    assert steps == list(range(stop_at + 512, SMALL.steps + 1, 512))
    assert not (tmp_path / "snapshot.pt").exists()


def test_the_noise_stays(tmp_path, monkeypatch):
    """Its deviation is the same at the end, which plain PPO would shrink."""
    from ganglion.trainer.reinforce.run import _Run

    ended = []
    reinforced = _Run.reinforced
    monkeypatch.setattr(_Run, "reinforced", lambda run: ended.append(run.model.policy.log_std) or reinforced(run))
    harden(weak_teacher(), tmp_path)
    assert torch.allclose(ended[0].exp(), torch.tensor(SMALL.deviation)) and not ended[0].requires_grad


def test_what_is_not_allowed_is_named(tmp_path):
    with pytest.raises(ReinforceError, match="-1 environment steps"):
        harden(weak_teacher(), tmp_path / "a", replace(SMALL, steps=-1))
    assert not (tmp_path / "a").exists()
    harden(weak_teacher(), tmp_path / "b")
    for others in ({"seed": 1}, {"made": weak_teacher(env_id=OTHER)}):
        with pytest.raises(FolderError, match=r"holds a run that differs in: (seed|env_id);"):
            harden(**({"made": weak_teacher(), "folder": tmp_path / "b"} | others))


def test_a_run_that_diverges_says_so(tmp_path):
    with pytest.raises(ReinforceError, match=r"diverged before step .* lower the learning rate"):
        harden(weak_teacher(), tmp_path, replace(SMALL, learning_rate=1e30))


def test_a_snapshot_of_something_else_is_not_used(hardened, tmp_path):
    torch.save({"update": 3}, tmp_path / "snapshot.pt")
    assert harden(weak_teacher(), tmp_path).digest == hardened.digest


def test_the_command_tells_both_returns(tmp_path, capsys, monkeypatch):
    file = teacher_file(tmp_path / "teacher.safetensors")
    command = ["harden", str(file), "--folder", str(tmp_path / "run")]
    monkeypatch.setattr("ganglion.trainer.harden.HardenSettings", lambda **given: replace(SMALL, **given))
    monkeypatch.setattr("ganglion.trainer.harden.fit_critics", lambda *_, **__: teacher().critics)
    assert main([*command, "--steps", "1024", "--deviation", "0.3"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "teacher.safetensors: return" in told and "with noise" in told
    assert main([*command, "--deviation", "0"]) == 2
    assert "deviation is 0.0; allowed: 0.001 to 1" in capsys.readouterr().err
    assert main([*command, "--fit-critics"]) == 2
    assert "leave it out" in capsys.readouterr().err
    assert main([*command, "--seed", "-1"]) == 2
    assert "seed is -1; allowed: 0 to" in capsys.readouterr().err
    assert main(["harden", str(file), "--folder", str(tmp_path)]) == 2
    assert "was not made by hardening" in capsys.readouterr().err
    assert main(["harden", str(file), "--env", "Pendulum", "--folder", str(tmp_path / "other")]) == 2
    assert "Pendulum-v1" in capsys.readouterr().err and not (tmp_path / "other").exists()
