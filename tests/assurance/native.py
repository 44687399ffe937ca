"""Kernels in C as programs of this machine, for sanitizers and fuzzers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.plan import Plan
from ganglion.codegen.policy import Policy
from tests.support.c_code import compile_file, write_headers

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SANITIZERS = ("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all", "-g", "-O1")
C_KERNELS = [kernel.name for kernel in KERNELS.values() if kernel.instruction_set is None]


def compiler(name: str, *flags: str) -> str:
    """The compiler called `name`; skips, saying so, where it is missing or has nothing to link for `flags`."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is missing")
    if not _links(path, flags):
        pytest.skip(f"{name} has no runtime for {' '.join(flags)} (Debian: libclang-rt-14-dev)")
    return path


@cache
def _links(path: str, flags: tuple[str, ...]) -> bool:
    entry = "int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n ? 0 : 0; }"
    text = entry if "-fsanitize=fuzzer" in flags else "int main(void) { return 0; }"
    with tempfile.TemporaryDirectory() as folder:
        command = (path, "-x", "c", "-", *flags, "-o", f"{folder}/a.out")
        return subprocess.run(command, input=text, capture_output=True, text=True).returncode == 0


def compile_native(
    policy: Policy, kernel: str, source: str, folder: Path, compiler: str, *flags: str
) -> tuple[Path, Plan]:
    """tests/assurance/`source` with `kernel`'s header for `policy` as a program in `folder`."""
    plan = compile_policy(policy, CompileOptions("net", kernel))
    write_headers([plan], folder)
    options = ("-std=c11", "-ffp-contract=off", f"-I{folder}", *flags)
    return compile_file((compiler,), FOLDER / source, folder / f"{kernel}-{Path(compiler).name}", *options), plan
