"""The project's own C simulation: its build script makes a library, which is called on observation codes."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from ganglion.codegen import arithmetic
from ganglion.codegen.policy import Policy

from ..flow.tools import run_tool

LOG = "csim.log"
BUILD_SCRIPT = "build_lib.sh"


def simulate_project(folder: Path, name: str, stamp: str, policy: Policy, codes: np.ndarray) -> np.ndarray:
    """Action codes int16 (n, actions) of observation codes (n, features), by the C++ in `folder`.

    ToolError when g++ is missing or refuses the C++; the compiled library is removed again.
    """
    run_tool(["bash", BUILD_SCRIPT], folder, LOG)
    library = folder / "firmware" / f"{name}-{stamp}.so"
    run = getattr(ctypes.CDLL(str(library.resolve())), f"{name}_float")
    library.unlink()
    values = np.ascontiguousarray(codes * np.exp2(policy.observation.exponent), dtype=np.float32)
    result = np.zeros((len(codes), policy.actions), np.float32)
    for row_in, row_out in zip(values, result, strict=True):
        run(_pointer(row_in), _pointer(row_out))
    exponent = 0 if policy.head.kind == "argmax" else arithmetic.ACTION_EXPONENT
    return np.round(result * np.exp2(-exponent)).astype(np.int16)


def _pointer(row: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(row.ctypes.data)
