"""The generated C in Python: `predict` as Stable-Baselines3's models have it, equal to the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ganglion
from ganglion.codegen import reference
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.export import export_plan
from ganglion.codegen.plan import write_plan
from ganglion.hil.library import LibraryError, build_policy_library
from ganglion.loading import ObservationError
from ganglion.main import main
from tests.support.actors import hopper_actor
from tests.support.policies import observations, random_policy


@pytest.fixture(scope="module")
def actor(tmp_path_factory):
    return hopper_actor(tmp_path_factory.mktemp("actor"))


@pytest.fixture(scope="module")
def policy_so(actor, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    library = folder / "policy.so"
    assert main(["compile", str(actor[0]), "--out", str(folder / "c"), "--shared", str(library)]) == 0
    return library


def test_a_library_equals_the_oracle(actor, policy_so):
    policy = actor[1].policy
    loaded = ganglion.load(policy_so)
    rows = observations(policy, 500)
    expected = reference.infer(policy, rows)
    actions, state = loaded.predict(rows)
    assert actions.dtype == np.float32 and state is None
    assert np.array_equal(actions, expected.actions)
    single, _ = loaded.predict(rows[3])
    assert single.shape == (policy.actions,) and np.array_equal(single, expected.actions[3])
    assert (loaded.env_id, loaded.digest, loaded.features) == (policy.env_id, policy.digest, policy.features)


def test_actor_and_folders_give_the_same(actor, policy_so, tmp_path):
    plan = compile_policy(actor[1].policy, CompileOptions("hopper"))
    write_plan(plan, tmp_path / "compiled")
    write_plan(export_plan(plan, "cmake"), tmp_path / "exported")
    rows = observations(actor[1].policy, 50)
    expected, _ = ganglion.load(policy_so).predict(rows)
    for path in (actor[0], tmp_path / "compiled", str(tmp_path / "exported")):
        assert np.array_equal(ganglion.load(path).predict(rows)[0], expected)


def test_discrete_actions_are_integers(tmp_path):
    policy = random_policy(3, (6, 16, 4), head="argmax")
    build_policy_library(compile_policy(policy), tmp_path / "policy.so")
    loaded = ganglion.load(tmp_path / "policy.so")
    rows = observations(policy, 40)
    actions, _ = loaded.predict(rows)
    assert actions.dtype == np.int64 and np.array_equal(actions, reference.infer(policy, rows).codes[:, 0])
    single, _ = loaded.predict(rows[0])
    assert single.shape == () and int(single) == actions[0]


def test_types_that_have_numbers_are_taken(policy_so):
    loaded = ganglion.load(policy_so)
    ones = np.ones(loaded.features)
    expected, _ = loaded.predict(ones.astype(np.float32))
    for observation in (ones, ones.astype(np.int8), ones.astype(bool), ones.tolist()):
        assert np.array_equal(loaded.predict(observation)[0], expected)
    state = (np.zeros(3),)
    assert loaded.predict(ones, state, np.array([True]))[1] is state


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (np.zeros(10), r"shape \(10,\).*takes \(11,\) or \(n, 11\)"),
        (np.zeros((2, 3, 11)), r"shape \(2, 3, 11\)"),
        (np.float32(1), r"shape \(\)"),
        (np.zeros(11, complex), "complex128; floats or integers"),
        (np.array(["a"] * 11), "floats or integers"),
        ({"position": 1.0}, "object; floats or integers"),
        ([[0.0] * 11, [0.0]], "no array of one shape"),
    ],
)
def test_what_is_no_observation_is_refused(policy_so, observation, message):
    with pytest.raises(ObservationError, match=message):
        ganglion.load(policy_so).predict(observation)


def test_sampling_is_refused(policy_so):
    with pytest.raises(ObservationError, match="deterministic=True"):
        ganglion.load(policy_so).predict(np.zeros(11), deterministic=False)


def test_what_is_no_library_is_refused(actor, policy_so, tmp_path):
    (tmp_path / "text.so").write_text("no library")
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("text.so", "not a library of a policy"),
        ("none.so", "there is no such library.*--shared"),
        ("policy.zip", "give a library"),
        ("folder", "not the folder of a compiled policy"),
    ):
        with pytest.raises(LibraryError, match=message):
            ganglion.load(tmp_path / name)


def test_a_library_with_wrong_answers_is_refused(actor, tmp_path):
    plan = compile_policy(actor[1].policy, CompileOptions("hopper"))
    header = plan.files["hopper.h"]
    start = header.index("{", header.index("hopper_known_actions[")) + 1
    first = header[start:].split(",")[0]
    plan.files["hopper.h"] = header[:start] + header[start:].replace(first, f"\n    {int(first) ^ 1}", 1)
    build_policy_library(plan, tmp_path / "policy.so")
    with pytest.raises(LibraryError, match=r"known answer 1 does not come out.*-ffast-math"):
        ganglion.load(tmp_path / "policy.so")


def test_stable_baselines3_evaluates_it(policy_so):
    evaluation = pytest.importorskip("stable_baselines3.common.evaluation", reason="stable-baselines3 is missing")
    from stable_baselines3.common.env_util import make_vec_env

    envs = make_vec_env("Hopper-v4", n_envs=2, seed=1)
    returns, lengths = evaluation.evaluate_policy(
        ganglion.load(policy_so), envs, n_eval_episodes=4, return_episode_rewards=True
    )
    envs.close()
    assert len(returns) == 4 and min(lengths) > 0
