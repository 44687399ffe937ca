"""The generated C of every kernel in C under AddressSanitizer and UndefinedBehaviorSanitizer, equal to the oracle."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from ganglion.codegen import reference
from ganglion.codegen.plan import Plan
from tests.assurance.native import C_KERNELS, SANITIZERS, compile_native, compiler
from tests.support.c_code import compile_file
from tests.support.policies import observations, random_policy

POLICIES = {
    "tanh": random_policy(1, (7, 24, 24, 3), 0.7),
    "clip, 16 bits": random_policy(2, (5, 20, 4), 0.4, "clip", observation_bits=16, hidden_bits=16),
    "argmax": random_policy(3, (9, 16, 6), 0.8, "argmax"),
}


def run(program: Path, plan: Plan, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Status uint8 (n,), actions float32 (n, actions) and action codes int16 (n, actions) of the program."""
    result = subprocess.run([program], input=rows.astype("<f4").tobytes(), capture_output=True)
    assert result.returncode == 0, result.stderr.decode()[:2000]
    actions = plan.policy.actions
    record = np.dtype([("status", "u1"), ("actions", "<f4", (actions,)), ("codes", "<i2", (actions,))])
    answers = np.frombuffer(result.stdout, record)
    return answers["status"], answers["actions"], answers["codes"]


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("kernel", C_KERNELS)
@pytest.mark.parametrize("name", ["gcc", pytest.param("clang", marks=pytest.mark.long)])
def test_nothing_is_found_and_all_is_equal(name: str, kernel: str, policy, count: int, tmp_path: Path) -> None:
    program, plan = compile_native(policy, kernel, "sanitized.c", tmp_path, compiler(name, *SANITIZERS), *SANITIZERS)
    rows = observations(policy, count)
    status, actions, codes = run(program, plan, rows)
    expected = reference.infer(policy, rows)
    assert np.array_equal(status, expected.status) and np.array_equal(actions, expected.actions)
    raw = rows.view(f"<i{policy.observation.bits // 8}")[:, : policy.features]
    assert np.array_equal(codes, reference.infer_codes(policy, raw.astype(np.int64)))


def test_a_read_beside_a_buffer_is_found(tmp_path: Path) -> None:
    """The header asks for one observation more than there is."""
    gcc = compiler("gcc", *SANITIZERS)
    program, plan = compile_native(POLICIES["tanh"], "csr", "sanitized.c", tmp_path, gcc, *SANITIZERS)
    header = plan.files["net.h"].replace("codes[i]", "codes[i + 1u]")
    (tmp_path / "net.h").write_text(header)
    source = Path(__file__).parent / "sanitized.c"
    compile_file((gcc,), source, program, "-std=c11", f"-I{tmp_path}", *SANITIZERS)
    result = subprocess.run([program], input=bytes(4 * plan.policy.features), capture_output=True)
    assert b"AddressSanitizer" in result.stderr
