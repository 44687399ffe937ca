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


def _plans(cases: dict[str, Policy], core: str) -> dict[tuple[str, str], Plan]:
    """(kernel, name of the case): its plan, for all kernels of `core`."""
    kernels = [kernel for kernel, place in PLACES if place == core]
    return {
        (kernel, name): compile_policy(policy, CompileOptions(f"k{number}_{name}", kernel, core=core))
        for number, kernel in enumerate(kernels)
        for name, policy in cases.items()
    }


@pytest.fixture(scope="module", params=CORES)
def program(request, tmp_path_factory):
    """Core, ELF file and plans of all its kernels on all cases: one program, since a compiler is slow to start."""
    plans = _plans(CASES, request.param)
    return (
        request.param,
        kernel_runs.build_plans([*plans.values()], tmp_path_factory.mktemp("all"), request.param),
        plans,
    )


def _check(core: str, elf, plans: dict[tuple[str, str], Plan], cases: dict[str, Policy], count: int) -> None:
    for (kernel, name), plan in plans.items():
        with Caller(elf, core) as caller:
            sample = codes(cases[name], 1, max(6, count // 4) if kernel in SLOW else count)
            found = kernel_runs.infer_codes(caller, plan, sample)
            assert np.array_equal(found, infer_codes(cases[name], sample)), (kernel, core, name)


def test_equal_to_the_oracle_in_the_emulator(program):
    """The emulator refuses instructions that the core does not have, too."""
    _check(*program, CASES, 24)


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
@given(batch=st.lists(policies(), min_size=3, max_size=3))
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


@pytest.fixture(scope="module")
def portable():
    """Plans of the kernels that are C for any machine."""
    free = [kernel for kernel in KERNELS if KERNELS[kernel].instruction_set is None]
    cases = {"n98": NETS["n98"], **CASES}
    return cases, {
        (kernel, name): compile_policy(policy, CompileOptions(f"{kernel}_{name}", kernel))
        for kernel in free
        for name, policy in cases.items()
    }


@pytest.mark.parametrize("compiler", c_compilers(), ids=lambda compiler: compiler[-1].rsplit("/", 1)[-1])
def test_equal_to_the_oracle_natively(compiler, portable, tmp_path):
    cases, plans = portable
    batch = Batch([*plans.values()], tmp_path, compiler, "-O1", "-std=c99", *STRICT)
    for (kernel, name), plan in plans.items():
        sample = corner_codes(cases[name], 200)
        assert np.array_equal(batch.codes(plan, sample), infer_codes(cases[name], sample)), (kernel, name)
        assert batch.self_test(plan) == 0


@pytest.mark.parametrize(("kernel", "core"), [place for place in PLACES if place[1] != "cortex-m3"])
def test_headers_are_clean_in_c_and_cpp(kernel, core, tmp_path):
    cases = ("d0", "d2", "d9", "d10")
    plans = [compile_policy(CASES[name], CompileOptions(name, kernel, core=core)) for name in cases]
    write_headers(plans, tmp_path)
    text = "".join(f'#include "{name}.h"\n' for name in cases)
    text += "int main(void) { return " + " + ".join(f"{name}_self_test()" for name in cases) + "; }\n"
    target = ("-target", "thumb-freestanding-eabi", f"-mcpu={kernel_runs.TARGETS[core]}", "-fsyntax-only")
    for compiler, suffix, standard in ((ZIG, "c", "c99"), (ZIG_CPP, "cpp", "c++11")):
        source = tmp_path / f"all.{suffix}"
        source.write_text(text)
        compile_file((*compiler, *target, f"-std={standard}"), source, tmp_path / "all.o", *STRICT)
