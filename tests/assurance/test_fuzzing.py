"""libFuzzer with both sanitizers for a minute: half on the policies, half on the protocol."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.assurance.native import C_KERNELS, FOLDER, ROOT, SANITIZERS, compile_native, compiler
from tests.support.c_code import compile_file
from tests.support.host_device import FIXTURES
from tests.support.policies import random_policy

pytestmark = pytest.mark.long

HALF_A_MINUTE_S = 30
FUZZER = (*SANITIZERS, "-fsanitize=fuzzer")


def fuzz(program: Path, seconds: float, longest_bytes: int) -> None:
    """Run until the time is over; what libFuzzer says is in the failure."""
    command = [program, f"-max_total_time={max(1, round(seconds))}", f"-max_len={longest_bytes}", "-seed=1"]
    result = subprocess.run(command, cwd=program.parent, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "Done" in result.stderr


@pytest.mark.parametrize("kernel", C_KERNELS)
def test_no_input_upsets_a_policy(kernel: str, tmp_path: Path) -> None:
    policy = random_policy(1, (7, 24, 24, 3), 0.7)
    program, _ = compile_native(policy, kernel, "fuzz_policy.c", tmp_path, compiler("clang", *FUZZER), *FUZZER)
    fuzz(program, HALF_A_MINUTE_S / len(C_KERNELS), 28)


def test_no_bytes_on_the_wire_upset_the_protocol(tmp_path: Path) -> None:
    runtime = ROOT / "firmware/runtime"
    sources = [runtime / name for name in ("protocol.c", "timed_infer.c", "payload.c", "cobs.c", "crc32.c")]
    sources += [ROOT / "tests/firmware/host/host_board.c", FIXTURES / "policy.c"]
    flags = (*FUZZER, "-std=c11", f"-I{runtime}", *map(str, sources))
    program = compile_file((compiler("clang", *FUZZER),), FOLDER / "fuzz_protocol.c", tmp_path / "fuzz", *flags)
    fuzz(program, HALF_A_MINUTE_S, 512)
