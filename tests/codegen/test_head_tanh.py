"""Both forms of the tanh head in C: equal to the oracle on every output code and exponent."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from ganglion.codegen import arithmetic
from ganglion.codegen.actor import digest
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.policy import HEAD_EXPONENTS
from tests.support.c_code import STRICT, ZIG, compile_file
from tests.support.policies import random_policy

ACTIONS = {"csr": 3, "straight": 3, "lanes": 9}
"""Kernels whose heads differ (a table of one sign; of both signs without a loop; with one), and their outputs."""


def _head(kernel: str, exponent: int) -> str:
    """The head's C text and a function that applies it to many output vectors."""
    policy = random_policy(0, (2, ACTIONS[kernel]), sparsity=0.0)
    (layer,) = policy.layers
    policy = replace(policy, layers=(replace(layer, output_exponent=exponent),))
    name = f"{kernel}{-exponent}"
    header = compile_policy(replace(policy, digest=digest(policy)), CompileOptions(name, kernel)).files[f"{name}.h"]
    start = header.index(f"#define {name.upper()}_TANH_LOWEST")
    end = header.index("\n}\n", header.index(f"void {name}_head(")) + 3
    return f"""
#define {name.upper()}_ACTIONS {ACTIONS[kernel]}u
{header[start:end]}
void {name}(const int16_t *z, int16_t *action, unsigned count);
void {name}(const int16_t *z, int16_t *action, unsigned count)
{{
    for (; count != 0u; count--) {{
        {name}_head(z, action);
        z += {ACTIONS[kernel]};
        action += {ACTIONS[kernel]};
    }}
}}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("heads")
    texts = [_head(kernel, exponent) for kernel in ACTIONS for exponent in HEAD_EXPONENTS]
    source = folder / "heads.c"
    source.write_text("#include <stdint.h>\n" + "".join(texts))
    return ctypes.CDLL(str(compile_file(ZIG, source, folder / "heads.so", "-shared", "-fPIC", "-std=c99", *STRICT)))


@pytest.mark.parametrize("kernel", ACTIONS)
@pytest.mark.parametrize("exponent", HEAD_EXPONENTS)
def test_every_output_code(library, kernel, exponent):
    outputs = np.arange(-(1 << 15), (1 << 15) + ACTIONS[kernel]).clip(max=(1 << 15) - 1)
    outputs = outputs[: len(outputs) // ACTIONS[kernel] * ACTIONS[kernel]].astype(np.int16)
    found = np.zeros_like(outputs)
    function = getattr(library, f"{kernel}{-exponent}")
    function(ctypes.c_void_p(outputs.ctypes.data), ctypes.c_void_p(found.ctypes.data), len(outputs) // ACTIONS[kernel])
    assert outputs.max() == (1 << 15) - 1
    assert np.array_equal(found, arithmetic.tanh(outputs.astype(np.int64), exponent))
