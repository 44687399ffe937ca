"""Models of Stable-Baselines3 as teachers: the same actions, nothing of the file is run, and what is refused."""

import io
import json
import pickle
import zipfile

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DDPG, PPO, SAC, TD3
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn

from ganglion.trainer.environments import make_env
from ganglion.trainer.imported import load_teacher, read_model, read_normaliser
from ganglion.trainer.teacher import TeacherError, read_teacher, save_teacher
from tests.trainer.distil.point import ENV, Point, teacher, teacher_file

OBSERVATIONS = np.random.default_rng(0).uniform(-3, 3, (200, 3)).astype(np.float32)


class Touch:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def in_environment_units(made) -> np.ndarray:
    return made.act(OBSERVATIONS) * 3 + 1


@pytest.mark.parametrize(
    ("algorithm", "options", "squash"),
    [
        (PPO, {"policy_kwargs": {"net_arch": [8, 8]}}, "clip"),
        (A2C, {"policy_kwargs": {"net_arch": [8, 8], "activation_fn": nn.ReLU}}, "clip"),
        (SAC, {"policy_kwargs": {"net_arch": [8, 8]}}, "tanh"),
        (TD3, {"policy_kwargs": {"net_arch": [8, 8], "activation_fn": nn.ELU}}, "tanh"),
        (DDPG, {"policy_kwargs": {"net_arch": [8]}}, "tanh"),
    ],
)
def test_a_model_acts_as_its_library_says(tmp_path, algorithm, options, squash):
    model = algorithm("MlpPolicy", make_env(ENV), device="cpu", seed=1, **options)
    model.save(tmp_path / "model.zip")
    made = load_teacher(tmp_path / "model.zip", ENV)
    expected, _ = model.predict(OBSERVATIONS, deterministic=True)
    np.testing.assert_allclose(in_environment_units(made), expected, atol=1e-5)
    assert made.squash == squash and made.about["algorithm"] in (algorithm.__name__.lower(), "td3")
    assert len(made.critics) == {PPO: 0, A2C: 0, DDPG: 1}.get(algorithm, 2)


@pytest.fixture
def normalised(tmp_path):
    """A PPO model that was trained behind VecNormalize: both files and the library's own objects."""
    env = VecNormalize(DummyVecEnv([lambda: make_env(ENV)]), clip_obs=1.5)
    model = PPO("MlpPolicy", env, n_steps=64, device="cpu", seed=1, policy_kwargs={"net_arch": [8]}).learn(128)
    model.save(tmp_path / "model.zip")
    env.save(tmp_path / "env.pkl")
    return tmp_path / "model.zip", tmp_path / "env.pkl", model, env


def test_observations_are_normalised_as_they_were(normalised, tmp_path):
    zipped, pickled, model, env = normalised
    made = load_teacher(zipped, ENV, pickled)
    expected, _ = model.predict(env.normalize_obs(OBSERVATIONS), deterministic=True)
    np.testing.assert_allclose(in_environment_units(made), expected, atol=1e-4)
    save_teacher(tmp_path / "teacher.safetensors", made)
    again = read_teacher(tmp_path / "teacher.safetensors")
    assert again.digest == made.digest != load_teacher(zipped, ENV).digest
    assert np.array_equal(again.act(OBSERVATIONS), made.act(OBSERVATIONS))


def test_nothing_in_a_file_is_run(normalised, tmp_path):
    zipped, _, _, env = normalised
    trace = tmp_path / "trace"
    env.callback = Touch(trace)
    env.save(tmp_path / "evil.pkl")
    VecNormalize.load(str(tmp_path / "evil.pkl"), env.venv)
    trace.unlink()  # the library did run it
    assert read_normaliser(tmp_path / "evil.pkl", 3).limit == 1.5
    _rewrite(zipped, "pytorch_variables.pth", pickle.dumps(Touch(trace)))
    read_model(zipped, ENV)
    assert not trace.exists()


def test_a_folder_of_the_trainer_gives_its_newest_model(tmp_path):
    for step, seed in ((10, 1), (20, 2)):
        small = {"policy_kwargs": {"net_arch": [4]}, "buffer_size": 10}
        model = SAC("MlpPolicy", make_env(ENV), device="cpu", seed=seed, **small)
        (tmp_path / f"step-{step:09d}").mkdir()
        model.save(tmp_path / f"step-{step:09d}" / "model.zip")
    (tmp_path / "protocol.json").write_text(json.dumps({"env_id": ENV}))
    newest = load_teacher(tmp_path)
    assert newest.env_id == ENV and newest.digest == load_teacher(tmp_path / "step-000000020").digest
    assert newest.digest != load_teacher(tmp_path / "step-000000010").digest
    teacher_file(tmp_path / "teacher.safetensors")
    assert load_teacher(tmp_path).digest == teacher().digest


def _rewrite(path, name, content):
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for entry, old in parts.items():
            archive.writestr(entry, content if entry == name else old)


def _parameters(**tensors) -> bytes:
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


def test_models_that_cannot_be_used_are_explained(normalised, tmp_path):
    zipped, pickled, _, _ = normalised
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(TeacherError, match="does not tell its environment; give --env"):
        load_teacher(zipped)
    with pytest.raises(TeacherError, match="has 2 outputs, the environment 1 actions"):
        load_teacher(zipped, "Pendulum-v1")
    with pytest.raises(TeacherError, match="a bounded box is needed"):
        load_teacher(zipped, "CartPole-v1")
    with pytest.raises(TeacherError, match="no such normaliser"):
        load_teacher(zipped, ENV, tmp_path / "none.pkl")
    with pytest.raises(TeacherError, match="not a saved VecNormalize"):
        load_teacher(zipped, ENV, zipped)
    with pytest.raises(TeacherError, match="reads \\(5,\\)"):
        read_normaliser(pickled, 5)
    with pytest.raises(TeacherError, match="has its own normaliser"):
        load_teacher(teacher_file(tmp_path / "own.safetensors"), None, pickled)
    with pytest.raises(TeacherError, match=r"holds no teacher\.safetensors and no checkpoint"):
        load_teacher(empty)
    _rewrite(zipped, "policy.pth", _parameters(**{"action_net.weight": torch.full((2, 8), torch.nan)}))
    with pytest.raises(TeacherError, match=r"not finite, in action_net\.weight"):
        load_teacher(zipped, ENV)
    _rewrite(zipped, "policy.pth", _parameters(**{"features_extractor.cnn.0.weight": torch.zeros(1, 1, 3, 3)}))
    with pytest.raises(TeacherError, match="not a stack of linear layers"):
        load_teacher(zipped, ENV)
    zipped.write_bytes(b"PK damaged")
    with pytest.raises(TeacherError, match="not a whole model"):
        load_teacher(zipped, ENV)


def test_the_test_environment_has_the_units_that_are_assumed():
    assert isinstance(Point.action_space, gymnasium.spaces.Box)
    assert Point.action_space.low.tolist() == [-2, -2] and Point.action_space.high.tolist() == [4, 4]
