import numpy as np
import pytest

from ganglion.codegen import reference
from ganglion.hil.device import DeviceError
from ganglion.hil.environments import UnknownEnvironmentError
from ganglion.hil.equality import compare
from ganglion.hil.rollout import rollout
from tests.support.actors import hopper_policy
from tests.support.devices import Dying, Garbage, OracleDevice, WrongOnce
from tests.support.policies import random_policy

ENV = "Hopper-v4"


def test_an_equal_device_has_the_references_episodes():
    policy = hopper_policy()
    result = rollout(policy, OracleDevice(policy), ENV, episodes=3, first_seed=7)
    assert [episode.seed for episode in result.finished] == [7, 8, 9]
    assert result.equality.mismatches == 0
    assert result.equality.inferences == sum(episode.steps for episode in result.episodes) == len(result.cycles)
    assert result.reference == result.episodes and not result.reference_replayed
    assert result.stopped_by is None


def test_the_actions_that_drive_the_environment_are_the_devices():
    policy = hopper_policy()
    right = rollout(policy, OracleDevice(policy), ENV, episodes=2)
    first_action_off = rollout(policy, WrongOnce(policy, at=0), ENV, episodes=2)
    assert first_action_off.episodes[0].episode_return != right.episodes[0].episode_return
    assert first_action_off.reference_replayed
    assert first_action_off.reference == right.episodes


def test_one_wrong_action_is_found_and_kept_whole():
    policy = hopper_policy()
    result = rollout(policy, WrongOnce(policy, at=5), ENV, episodes=1)
    assert result.equality.mismatches == 1
    (mismatch,) = result.equality.first
    assert (mismatch.episode, mismatch.step) == (0, 5)
    oracle = reference.infer(policy, mismatch.observation[None]).codes[0]
    assert np.array_equal(mismatch.oracle_codes, oracle)
    assert mismatch.device_codes[-1] == oracle[-1] ^ 1


def test_a_step_counts_from_the_start_of_its_episode():
    policy = hopper_policy()
    steps = rollout(policy, OracleDevice(policy), ENV, episodes=1).episodes[0].steps
    (mismatch,) = rollout(policy, WrongOnce(policy, at=steps + 3), ENV, episodes=2).equality.first
    assert (mismatch.episode, mismatch.step) == (1, 3)


@pytest.mark.parametrize("error", [DeviceError("no answer"), KeyboardInterrupt()])
def test_what_was_measured_before_a_stop_is_kept(error):
    policy = hopper_policy()
    steps = rollout(policy, OracleDevice(policy), ENV, episodes=1).episodes[0].steps
    result = rollout(policy, Dying(policy, steps + 4, error), ENV, episodes=5)
    assert result.stopped_by is error
    assert len(result.finished) == 1
    assert [(episode.steps, episode.finished) for episode in result.episodes] == [(steps, True), (4, False)]
    assert result.equality.inferences == steps + 4 == len(result.cycles)


def test_ctrl_c_while_an_episode_is_compared_loses_nothing(monkeypatch):
    policy = hopper_policy()
    calls = iter([KeyboardInterrupt()])

    def compare_with_interruption(*arguments):
        for error in calls:
            raise error
        return compare(*arguments)

    monkeypatch.setattr("ganglion.hil.rollout.compare", compare_with_interruption)
    result = rollout(policy, OracleDevice(policy), ENV, episodes=3)
    assert isinstance(result.stopped_by, KeyboardInterrupt)
    assert len(result.finished) == 1 and result.equality.inferences == result.finished[0].steps


def test_after_a_stop_nothing_is_replayed():
    policy = hopper_policy()
    device = WrongOnce(policy, at=1)
    device.infer = _then_dies(device.infer, after=4)
    result = rollout(policy, device, ENV, episodes=2)
    assert result.equality.mismatches == 1 and result.reference == ()


def _then_dies(infer, after):
    left = iter(range(after))

    def dying(observation):
        if next(left, None) is None:
            raise DeviceError("gone")
        return infer(observation)

    return dying


def test_a_garbage_answer_is_a_device_error():
    policy = hopper_policy()
    result = rollout(policy, Garbage(policy), ENV, episodes=1)
    assert isinstance(result.stopped_by, DeviceError)
    assert "int16[3] is needed" in str(result.stopped_by)
    assert result.cycles is None and result.equality.inferences == 0


def test_another_actor_is_refused_before_anything_moves():
    policy, other = hopper_policy(0), hopper_policy(1)
    device = OracleDevice(other)
    with pytest.raises(DeviceError, match="build the firmware again"):
        rollout(policy, device, ENV, episodes=1)
    assert device.inferences == 0


def test_an_environment_of_another_shape_is_refused():
    policy = hopper_policy()
    with pytest.raises(UnknownEnvironmentError, match="observations have shape"):
        rollout(policy, OracleDevice(policy), "HalfCheetah-v4", episodes=1)


def test_discrete_actions_are_indices():
    policy = random_policy(shape=(4, 16, 2), sparsity=0.5, head="argmax")
    result = rollout(policy, OracleDevice(policy), "CartPole-v1", episodes=2)
    assert len(result.finished) == 2 and result.equality.mismatches == 0
    hopper = random_policy(shape=(11, 8, 3), head="argmax")
    with pytest.raises(UnknownEnvironmentError, match="ends in argmax"):
        rollout(hopper, OracleDevice(hopper), ENV, episodes=1)


def test_progress_hears_every_step():
    policy, heard = hopper_policy(), []
    result = rollout(policy, OracleDevice(policy), ENV, 2, progress=lambda *news: heard.append(news))
    assert len(heard) == result.equality.inferences
    assert heard[-1] == (1, result.episodes[1].steps, result.episodes[1].episode_return)
