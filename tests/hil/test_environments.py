import warnings

import pytest

from ganglion.hil.environments import UnknownEnvironmentError, make_env, resolve_env_id
from tests.support.actors import hopper_policy


@pytest.mark.parametrize(
    ("name", "env_id"), [("Hopper", "Hopper-v4"), ("Hopper-v5", "Hopper-v5"), ("CartPole", "CartPole-v1")]
)
def test_a_bare_name_means_v4_else_the_newest(name, env_id):
    assert resolve_env_id(name) == env_id


def test_ids_of_the_zoo_count_too():
    assert resolve_env_id("Pendant", known=["Pendant-v2"]) == "Pendant-v2"


@pytest.mark.parametrize(
    ("name", "nearest"), [("Hoper", "Hopper?"), ("hopper", "Hopper?"), ("HalfCheeta-v4", "HalfCheetah-v4?")]
)
def test_the_nearest_name_is_suggested(name, nearest):
    with pytest.raises(UnknownEnvironmentError, match="did you mean " + nearest.replace("?", r"\?")):
        resolve_env_id(name)


def test_nothing_near_gets_an_example():
    with pytest.raises(UnknownEnvironmentError, match="such as Hopper-v4"):
        resolve_env_id("zzzzqqq")


def test_an_environment_is_made_quietly(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_env("Hopper-v4", hopper_policy()).close()
    assert capfd.readouterr() == ("", "")


def test_an_environment_that_cannot_be_made_is_a_clear_error():
    with pytest.raises(UnknownEnvironmentError, match="cannot be made"):
        make_env("Hopper-v3", hopper_policy())
