"""Every device that is here is equal to the oracle: on 2,000 random and corner observations, and in closed loop."""

import shutil

import numpy as np
import pytest

from ganglion.building import build_firmware, build_for_host
from ganglion.devices import cycle_model_range, open_device
from ganglion.hil.cycles import sample_cycles
from ganglion.hil.device import DeviceError
from ganglion.hil.equality import check_equality
from ganglion.hil.observations import corner_observations
from ganglion.hil.rollout import rollout
from ganglion.options import BuildOptions
from tests.support.policies import random_policy

DEVICES = [
    "native",
    "emulator",
    pytest.param(
        "qemu",
        marks=pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed"),
    ),
]


@pytest.fixture(scope="module")
def policy():
    return random_policy(3, shape=(11, 64, 64, 3), sparsity=0.9, env_id="Hopper-v4")


@pytest.fixture(scope="module")
def built(policy, tmp_path_factory):
    root = tmp_path_factory.mktemp("build")
    return {
        "native": build_for_host(policy, root),
        "image": build_firmware(policy, BuildOptions(build=root)),
    }


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_is_equal_to_the_oracle(name, policy, built):
    with open_device(name, built["native" if name == "native" else "image"]) as device:
        corners = check_equality(policy, device, corner_observations(policy, 2000))
        played = rollout(policy, device, "Hopper-v4", episodes=2)
    assert (corners.inferences, corners.mismatches, corners.stopped_by) == (2000, 0, None)
    assert (played.equality.mismatches, played.stopped_by, len(played.finished)) == (0, None, 2)


def test_building_twice_gives_the_same_bytes(policy, built, tmp_path):
    first, second = built["image"], build_firmware(policy, BuildOptions(build=tmp_path))
    for each in (first, second):
        assert not (each.folder.parent / "Hopper").exists(), "only a measured build becomes the latest"
    names = sorted(path.relative_to(first.folder) for path in first.folder.rglob("*") if path.is_file())
    assert len(names) >= 5
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


def test_the_cycle_model_tells_its_range(policy, built):
    observations = corner_observations(policy, 20)
    samples = []
    for device in [*cycle_model_range("emulator", built["image"]), open_device("emulator", built["image"])]:
        with device:
            samples.append(sample_cycles(policy, device, observations))
    low, high, *slow, default = (np.median(sample.cycles) for sample in samples)
    assert low < default < high
    assert len(slow) == 2 and min(slow) > default
    assert [sample.source.split(",", 1)[1] for sample in samples] == [
        "P=1,ws=0", "P=3,ws=0", "P=2,ws=4,generic-64bit-4ws", "P=2,ws=5,stm32f405-art", "P=2,ws=0",
    ]  # fmt: skip


def test_a_device_that_does_not_count_has_no_cycles(policy, built):
    with open_device("native", built["native"]) as device, pytest.raises(DeviceError, match="does not count cycles"):
        sample_cycles(policy, device, corner_observations(policy, 1))
    assert cycle_model_range("native", built["native"]) == []
