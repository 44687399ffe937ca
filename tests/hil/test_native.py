"""The native device equals the oracle and says what is wrong."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import write_plan
from ganglion.codegen.reference import infer
from ganglion.hil import native
from ganglion.hil.device import DeviceError
from ganglion.hil.native import NativeDevice, find_compiler
from tests.support.policies import observations, random_policy

ZIG = (sys.executable, "-m", "ziglang", "cc")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def policy():
    return random_policy(shape=(11, 256, 256, 3), sparsity=0.98)


@pytest.fixture(scope="module")
def plan(policy):
    return compile_policy(policy, CompileOptions("hopper"))


@pytest.mark.parametrize("compiler", [None, ZIG], ids=["found", "zig"])
def test_ten_thousand_observations_equal_the_oracle(policy, plan, cache, compiler):
    values = observations(policy, 10_000)
    expected = infer(policy, values)
    assert 0 < expected.status.sum() < len(values)
    with NativeDevice(plan, compiler, cache) as device:
        replies = [device.infer(value) for value in values]
    assert np.array_equal([reply.codes for reply in replies], expected.codes)
    assert np.array_equal([reply.status for reply in replies], expected.status)
    assert replies[0].cycles is None and replies[0].codes.dtype == np.int16


@pytest.mark.parametrize("head", ["clip", "argmax"])
def test_other_heads_from_a_folder(head, tmp_path, cache):
    policy = random_policy(3, head=head, observation_bits=16, hidden_bits=16)
    write_plan(compile_policy(policy, CompileOptions("net")), tmp_path / "plan")
    values = observations(policy, 1000)
    with NativeDevice(tmp_path / "plan", cache=cache) as device:
        assert device.info.digest == policy.digest and device.info.kernel == "csr"
        assert np.array_equal([device.infer(value).codes for value in values], infer(policy, values).codes)


def test_two_policies_at_once(policy, plan, cache):
    other = random_policy(5)
    with NativeDevice(plan, cache=cache) as first, NativeDevice(compile_policy(other), cache=cache) as second:
        for value in observations(policy, 50):
            assert np.array_equal(first.infer(value).codes, infer(policy, value[None]).codes[0])
            assert np.array_equal(second.infer(value).codes, infer(other, value[None]).codes[0])


def test_a_library_is_built_once(plan, cache, monkeypatch):
    with NativeDevice(plan, cache=cache):
        pass
    monkeypatch.setattr(native, "_run_compiler", lambda command: pytest.fail("compiled again"))
    with NativeDevice(plan, cache=cache):
        pass


def test_a_failing_compiler_is_quoted_and_leaves_nothing(plan, tmp_path):
    broken = replace(plan, files={**plan.files, "hopper.h": plan.files["hopper.h"] + "#error the reason\n"})
    with pytest.raises(DeviceError, match=r"exit code 1:[\s\S]*the reason"):
        NativeDevice(broken, cache=tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_compiler(plan, tmp_path, monkeypatch):
    with pytest.raises(DeviceError, match="cannot be started"):
        NativeDevice(plan, ("no-such-compiler",), tmp_path).__enter__()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compiler() == ZIG
    monkeypatch.setattr(native, "find_spec", lambda name: None)
    with pytest.raises(DeviceError, match="pip install ziglang"):
        find_compiler()


def test_a_cache_that_cannot_be_written(plan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceError, match="give another cache folder"):
        NativeDevice(plan, cache=tmp_path / "file").__enter__()


def test_a_wrong_answer_is_noticed_when_it_starts(plan, cache):
    header = plan.files["hopper.h"]
    start = header.index("{", header.index("hopper_known_actions[")) + 1
    first = header[start:].split(",")[0]
    changed = header[:start] + header[start:].replace(first, f"\n    {int(first) ^ 1}", 1)
    with pytest.raises(DeviceError, match="known answer 1 of policy 'hopper' does not come out"):
        NativeDevice(replace(plan, files={**plan.files, "hopper.h": changed}), cache=cache).__enter__()


def test_misuse_is_told(plan, cache, tmp_path):
    device = NativeDevice(plan, cache=cache)
    with pytest.raises(DeviceError, match="not open"):
        device.infer(np.zeros(11, np.float32))
    with device, pytest.raises(DeviceError, match=r"shape \(10,\); \(11,\) is needed"):
        device.infer(np.zeros(10, np.float32))
    with pytest.raises(DeviceError, match="not the folder of a compiled policy"):
        NativeDevice(tmp_path, cache=cache).__enter__()
