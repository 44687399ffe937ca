"""Every kernel on every core that it fits: equal to the oracle on nets, at the edges, and on generated policies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.plan import Plan
from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import infer_codes
from ganglion.firmware.emulator.call import Caller
from tests.support import kernel_runs
from tests.support.c_code import STRICT, ZIG, ZIG_CPP, Batch, c_compilers, compile_file, write_headers
from tests.support.kernel_cases import NETS, PLACES, corner_codes, edge_policies
from tests.support.strategies import codes, policies

CORES = tuple(kernel_runs.TARGETS)
SLOW = ("stream",)
CASES = {"n99": NETS["n99"], **edge_policies()}
FEW = {name: CASES[name] for name in ("n99", "lowest", "wide codes", "wide weights", "far biases")}


def _plans(cases: dict[str, Policy], core: str) -> dict[tuple[str, str], Plan]:
    """(kernel, name of the case): its plan, for all kernels of `core`."""
    kernels = [kernel for kernel, place in PLACES if place == core]
    return {
        (kernel, name): compile_policy(policy, CompileOptions(f"k{number}_{name.replace(' ', '_')}", kernel, core=core))
        for number, kernel in enumerate(kernels)
        for name, policy in cases.items()
    }


def _check(core: str, elf, plans: dict[tuple[str, str], Plan], cases: dict[str, Policy], count: int) -> None:
    for (kernel, name), plan in plans.items():
        with Caller(elf, core) as caller:
            sample = codes(cases[name], 1, max(6, count // 4) if kernel in SLOW else count)
            found = kernel_runs.infer_codes(caller, plan, sample)
            assert np.array_equal(found, infer_codes(cases[name], sample)), (kernel, core, name)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("cases", [FEW, pytest.param(CASES, marks=pytest.mark.long)], ids=("few", "all"))
def test_equal_to_the_oracle_in_the_emulator(core, cases, tmp_path):
    """All kernels in one program, since a compiler is slow to start. The emulator refuses instructions that the core
    does not have, too."""
    plans = _plans(cases, core)
    _check(core, kernel_runs.build_plans([*plans.values()], tmp_path, core), plans, cases, 24)


@pytest.mark.long
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("net", NETS)
def test_equal_to_the_oracle_on_10000_inputs(core, net, tmp_path):
    plans = _plans({net: NETS[net]}, core)
    elf = kernel_runs.build_plans([*plans.values()], tmp_path, core)
    for (kernel, _), plan in plans.items():
        sample = corner_codes(NETS[net], 2_000 if kernel in SLOW else 10_000, seed=1)
        with Caller(elf, core) as caller:
            assert np.array_equal(kernel_runs.infer_codes(caller, plan, sample), infer_codes(NETS[net], sample)), kernel


@pytest.mark.parametrize("core", CORES)
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(policies(), min_size=2, max_size=2))
def test_generated_policies(core, tmp_path_factory, batch):
    _check_generated(core, tmp_path_factory.mktemp("generated"), batch)


@pytest.mark.long
@pytest.mark.parametrize("core", CORES)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(policies(), min_size=5, max_size=5))
def test_many_generated_policies(core, tmp_path_factory, batch):
    _check_generated(core, tmp_path_factory.mktemp("generated"), batch)


def _check_generated(core, folder, batch):
    cases = {f"p{number}": policy for number, policy in enumerate(batch)}
    plans = _plans(cases, core)
    _check(core, kernel_runs.build_plans([*plans.values()], folder, core), plans, cases, 12)


@pytest.mark.parametrize("compiler", c_compilers(), ids=lambda compiler: compiler[-1].rsplit("/", 1)[-1])
@pytest.mark.parametrize("cases", [FEW, pytest.param(CASES, marks=pytest.mark.long)], ids=("few", "all"))
def test_equal_to_the_oracle_natively(compiler, cases, tmp_path):
    plans = {key: plan for key, plan in _plans(cases, "cortex-m4").items() if not KERNELS[key[0]].instruction_set}
    batch = Batch([*plans.values()], tmp_path, compiler, "-O1", "-std=c99", *STRICT)
    for (kernel, name), plan in plans.items():
        sample = corner_codes(cases[name], 200)
        assert np.array_equal(batch.codes(plan, sample), infer_codes(cases[name], sample)), (kernel, name)
        assert batch.self_test(plan) == 0


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("compiler", "suffix", "standard"), [(ZIG, "c", "c99"), (ZIG_CPP, "cpp", "c++11")])
def test_headers_are_clean_in_c_and_cpp(core, compiler, suffix, standard, tmp_path):
    plans = _plans({name: FEW[name] for name in ("wide codes", "wide weights")}, core).values()
    write_headers([*plans], tmp_path)
    source = tmp_path / f"all.{suffix}"
    includes = "".join(f'#include "{plan.name}.h"\n' for plan in plans)
    calls = " + ".join(f"{plan.name}_self_test()" for plan in plans)
    source.write_text(f"{includes}int main({'void' * (suffix == 'c')}) {{ return {calls}; }}\n")
    target = ("-target", "thumb-freestanding-eabi", f"-mcpu={kernel_runs.TARGETS[core]}", "-c", f"-std={standard}")
    compile_file((*compiler, *target), source, tmp_path / "all.o", *STRICT)
