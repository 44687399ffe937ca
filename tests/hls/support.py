"""Designs put through a simulator in one go."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ganglion.codegen import reference
from ganglion.codegen.policy import Policy
from ganglion.hls.design import Design
from ganglion.hls.flow.tools import ToolError
from ganglion.hls.simulator import build_simulator, core_bench, find_engine, simulate

broad = pytest.mark.skipif(
    not shutil.which("iverilog"), reason="Icarus Verilog is not installed; Verilator takes 10 s for each small design"
)
"""For tests that simulate many designs."""


def quick_engine() -> str:
    """The simulator that compiles fastest; without any, the test is skipped."""
    if shutil.which("iverilog"):
        return "icarus"
    try:
        return find_engine()
    except ToolError as error:
        pytest.skip(str(error))


def run_codes(
    design: Design, codes: np.ndarray, folder: Path, engine: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Action codes (n, actions) and clocks (n,) for observation codes (n, features)."""
    simulator = build_simulator(design, core_bench(design), folder, engine=engine or quick_engine())
    answer = simulate(simulator, codes.astype("<i2").tobytes())
    record = np.dtype([("actions", "<i2", (design.actions,)), ("clocks", "<u4")])
    rows = np.frombuffer(answer, record)
    return rows["actions"], rows["clocks"]


def assert_design_equal(
    policy: Policy, design: Design, folder: Path, count: int = 100, engine: str | None = None
) -> None:
    """The simulated `design` gives the oracle's action codes, each in exactly the clocks that it promises."""
    codes = trying_codes(policy, count)
    actions, clocks = run_codes(design, codes, folder, engine)
    np.testing.assert_array_equal(actions, reference.infer_codes(policy, codes))
    assert set(clocks.tolist()) == {design.cycles}


def trying_codes(policy: Policy, count: int, seed: int = 0) -> np.ndarray:
    """Random codes; first all smallest, all largest, all zero, and single extremes among zeros."""
    rng = np.random.default_rng(seed)
    low, high = policy.observation.code_range
    codes = rng.integers(low, high + 1, (count, policy.features))
    codes[:3] = np.array([[low], [high], [0]])[: len(codes)]
    codes[3 : 3 + policy.features] = np.diag([low] * policy.features)[: max(0, count - 3)]
    return codes
