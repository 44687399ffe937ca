import numpy as np
import pytest

from ganglion.codegen import arithmetic
from ganglion.hil.device import DeviceError
from ganglion.hil.equality import KEPT_MISMATCHES, check_equality
from ganglion.hil.observations import corner_observations
from tests.support.actors import hopper_policy
from tests.support.devices import Dying, OracleDevice, WrongOnce, WrongStatus


def test_an_equal_device_is_equal_on_every_corner():
    policy = hopper_policy()
    result = check_equality(policy, OracleDevice(policy), corner_observations(policy, 600))
    assert (result.inferences, result.mismatches, result.stopped_by) == (600, 0, None)


def test_a_difference_is_found_in_a_later_batch():
    policy = hopper_policy()
    result = check_equality(policy, WrongOnce(policy, at=555), corner_observations(policy, 600))
    assert result.mismatches == 1
    assert (result.first[0].episode, result.first[0].step) == (None, 555)


def test_a_status_that_hides_a_nonfinite_value_is_a_mismatch():
    policy = hopper_policy()
    observations = corner_observations(policy, 300)
    result = check_equality(policy, WrongStatus(policy), observations)
    assert result.mismatches == (~np.isfinite(observations)).any(axis=1).sum() > KEPT_MISMATCHES
    assert len(result.first) == KEPT_MISMATCHES
    assert all(np.array_equal(found.device_codes, found.oracle_codes) for found in result.first)


def test_a_device_that_dies_keeps_what_was_compared():
    policy = hopper_policy()
    result = check_equality(policy, Dying(policy, at=37), corner_observations(policy, 100))
    assert result.inferences == 37
    assert isinstance(result.stopped_by, DeviceError)


@pytest.mark.parametrize("count", [1, 3, 500])
def test_observations_are_reproducible_and_of_the_policys_shape(count):
    policy = hopper_policy()
    once, again = (corner_observations(policy, count, seed=3) for _ in range(2))
    assert once.shape == (count, policy.features) and once.dtype == np.float32
    assert once.tobytes() == again.tobytes()


def test_observations_hold_every_kind_of_trouble():
    policy = hopper_policy()
    observations = corner_observations(policy, 2000)
    tiny = np.finfo(np.float32).tiny
    denormal = (observations != 0) & (np.abs(observations) < tiny)
    codes, bad = arithmetic.quantise(
        observations, policy.observation.gain, policy.observation.offset, policy.observation.bits
    )
    with np.errstate(over="ignore"):
        scaled = np.where(bad, 0, observations) * policy.observation.gain + policy.observation.offset
    assert np.isnan(observations).any() and np.isposinf(observations).any() and np.isneginf(observations).any()
    assert denormal.any() and (np.abs(np.nan_to_num(observations, posinf=0, neginf=0)) > 1e38).any()
    assert ((scaled == np.floor(scaled)) & (scaled == codes) & ~bad).mean() > 0.01, "ties"
    low, high = policy.observation.code_range
    assert set(range(low, high + 1)) <= set(codes.flat), "every code is reached"
