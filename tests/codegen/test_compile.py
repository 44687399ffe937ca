"""The compiler as a whole: deterministic, and clear about what it refuses."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy
from ganglion.codegen.policy import PolicyError
from tests.support.nets import erk_net

ROOT = Path(__file__).parents[2]
_SCRIPT = """
from ganglion.codegen.compile import CompileOptions, compile_policy
from tests.support.policies import random_policy
plan = compile_policy(random_policy(), CompileOptions("hopper"))
print(plan.digest)
print("".join(plan.files.values()))
"""


def test_byte_identical_across_processes():
    outputs = set()
    for seed in ("0", "1", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = (sys.executable, "-c", _SCRIPT)
        outputs.add(subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True).stdout)
    assert len(outputs) == 1


def test_the_plan_tells_what_it_was_made_from(hopper_like):
    plan = compile_policy(hopper_like, CompileOptions("hopper"))
    assert list(plan.files) == ["hopper.h", "policy.c"]
    assert (plan.name, plan.kernel, plan.policy.digest) == ("hopper", "csr", hopper_like.digest)
    assert plan.overview.nominal_shape == (11, 64, 64, 3)
    assert len(plan.bounds) == 3 and plan.float32_exact
    other = compile_policy(hopper_like, CompileOptions("walker"))
    assert plan.digest != other.digest and len(plan.digest) == 64


def test_weights_indices_and_biases_of_the_quoted_net_fit():
    plan = compile_policy(erk_net(), CompileOptions("net"))
    text = plan.files["net.h"]
    assert "static const int8_t net_weights1[415]" in text and "static const uint8_t net_columns1[415]" in text
    assert "static const uint8_t net_rows1[166]" in text and "net_shifts" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CompileOptions(kernel="scr"), r"no kernel 'scr'; allowed: csr, .*; did you mean 'csr'"),
        (CompileOptions(core="cortex-m5"), "there is no core 'cortex-m5'; did you mean"),
        (CompileOptions(known_answers=0), r"0 known answers.*1 to 1000"),
    ],
)
def test_options_that_do_not_exist(hopper_like, options, message):
    with pytest.raises(OptionsError, match=message):
        compile_policy(hopper_like, options)


def test_identifiers_are_checked(hopper_like):
    with pytest.raises(ValueError, match="reserved word"):
        compile_policy(hopper_like, CompileOptions("while"))


def test_policies_that_break_the_rules(hopper_like):
    with pytest.raises(PolicyError, match="64 hex digits"):
        compile_policy(replace(hopper_like, digest=""))
    bias = np.full(64, 2**31 - 1, np.int32)
    layers = (replace(hopper_like.layers[0], bias=bias), *hopper_like.layers[1:])
    with pytest.raises(PolicyError, match=r"layer 0, row 0: the accumulator can reach .* use a larger weight exponent"):
        compile_policy(replace(hopper_like, layers=layers))
