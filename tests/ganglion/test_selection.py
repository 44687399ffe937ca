import numpy as np
import pytest

from ganglion.codegen.actor import ActorError, read_actor, write_actor
from ganglion.errors import UsageError
from ganglion.hil.environments import UnknownEnvironmentError
from ganglion.selection import actor_files, load_choice, select_actor, zoo_folder
from tests.support.actors import about, hopper_policy


@pytest.fixture
def zoo(tmp_path):
    """Three Hopper actors at two sparsities, and one of Walker2d."""
    kinds = (("sac", 0.98, 900.0), ("distil", 0.98, 2500.0), ("sac", 0.99, None))
    for seed, (algorithm, nominal, quantised) in enumerate(kinds):
        policy = hopper_policy(seed)
        path = tmp_path / "Hopper-v4" / f"{algorithm}-s{nominal}.safetensors"
        write_actor(path, policy, about(policy, algorithm, nominal, quantised))
    policy = hopper_policy(env_id="Walker2d-v4")
    write_actor(tmp_path / "Walker2d-v4" / "sac-s0.98.safetensors", policy, about(policy, nominal=0.98))
    return tmp_path


def test_the_highest_quantised_return_is_the_default(zoo):
    choice = select_actor("Hopper", zoo=zoo)
    assert choice.path.name == "distil-s0.98.safetensors"
    assert "2,500" in choice.reason and "of 2" in choice.reason


def test_an_algorithm_can_be_asked_for(zoo):
    choice = select_actor("Hopper-v4", algorithm="sac", zoo=zoo)
    assert choice.path.name == "sac-s0.98.safetensors"
    assert choice.reason == "the only one of this kind"


def test_a_sparsity_is_met_exactly_or_what_there_is_is_listed(zoo):
    assert select_actor("Hopper", 0.99, zoo=zoo).path.name == "sac-s0.99.safetensors"
    with pytest.raises(UsageError, match=r"0\.95 .*there is 0\.98 \(distil\), 0\.98 \(sac\), 0\.99 \(sac\)"):
        select_actor("Hopper", 0.95, zoo=zoo)
    with pytest.raises(UsageError, match="by ppo"):
        select_actor("Hopper", 0.98, "ppo", zoo=zoo)


def test_without_a_sparsity_the_nearest_to_the_default_is_taken(zoo):
    assert select_actor("Hopper", algorithm="sac", zoo=zoo).path.name == "sac-s0.98.safetensors"
    (zoo / "Hopper-v4" / "sac-s0.98.safetensors").unlink()
    assert select_actor("Hopper", algorithm="sac", zoo=zoo).path.name == "sac-s0.99.safetensors"
    with pytest.raises(UsageError, match=r"no Hopper-v4 actor by ppo"):
        select_actor("Hopper", algorithm="ppo", zoo=zoo)


def test_no_actor_says_what_there_is_and_how_to_train(zoo):
    with pytest.raises(UsageError, match=r"holds Hopper-v4, Walker2d-v4.*make train ENV=Swimmer"):
        select_actor("Swimmer", zoo=zoo)


def test_an_unknown_environment_suggests_the_nearest(zoo):
    with pytest.raises(UnknownEnvironmentError, match="did you mean Walker2d"):
        select_actor("Walker2D", zoo=zoo)


def test_a_broken_actor_is_named(zoo):
    path = zoo / "Hopper-v4" / "sac-s0.98.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ActorError, match=r"sac-s0\.98\.safetensors: not a whole safetensors file"):
        select_actor("Hopper", zoo=zoo)


def test_a_file_is_taken_as_it_is(zoo):
    path = zoo / "Hopper-v4" / "sac-s0.99.safetensors"
    choice = load_choice(path)
    assert choice.env_id == "Hopper-v4" and choice.reason == "given"


def test_every_actor_of_the_zoo_can_be_chosen():
    for path in actor_files(zoo_folder()):
        actor = read_actor(path)
        env_id, nominal = actor.policy.env_id, actor.about["sparsity"]["nominal"]
        choice = select_actor(env_id, nominal, actor.about["algorithm"])
        assert path.parent.relative_to(zoo_folder()).as_posix() == env_id
        assert np.isclose(choice.actor.about["sparsity"]["nominal"], nominal)
