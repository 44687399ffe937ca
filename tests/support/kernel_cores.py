"""Which kernels run on which cores."""

from __future__ import annotations

from collections.abc import Iterable

from ganglion.bench.nets import erk_net
from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy
from ganglion.codegen.kernels import KERNELS


def kernels_and_cores(cores: Iterable[str]) -> list[tuple[str, str]]:
    """(kernel, core) wherever `core` has the instructions that the kernel needs."""
    return [(kernel, core) for kernel in KERNELS for core in cores if _runs_on(kernel, core)]


def _runs_on(kernel: str, core: str) -> bool:
    try:
        compile_policy(erk_net((2, 3, 1), 0.0), CompileOptions("net", kernel, core=core))
    except OptionsError:
        return False
    return True
