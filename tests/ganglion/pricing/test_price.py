"""A price is what firmware then costs, for every kernel and several nets: equal without wait states, cycles within 2 %
where the flash is slow."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ganglion.codegen.actor import read_actor
from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy, fitting_kernels
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.errors import UsageError
from ganglion.firmware.board import board_names, load_board
from ganglion.firmware.image import build_image
from ganglion.hil.cycles import sample_cycles
from ganglion.hil.emulator import EmulatorDevice
from ganglion.hil.observations import corner_observations
from ganglion.places import c_identifier
from ganglion.pricing import Target, cache, price, price_plan, target_of
from ganglion.pricing.cache import remembered
from ganglion.pricing.prices import COUNTERS, OBSERVATIONS, price_kernel
from ganglion.selection import zoo_folder
from tests.support.nets import erk_net
from tests.support.policies import random_policy

SLOW_FLASH_TOLERANCE = 0.02  # some lines that an inference reads are still cached, or their read has begun

NETS = {
    "tiny": lambda: random_policy(3, (3, 8, 2), 0.5),
    "single": lambda: random_policy(4, (2, 1), 0.0, head="clip"),
    "erk95": lambda: erk_net(sparsity=0.95),
    "erk98": lambda: erk_net(sparsity=0.98),
    "erk99": lambda: erk_net(sparsity=0.99),
    "hopper": lambda: read_actor(zoo_folder() / "Hopper-v4" / "sac-s0.98.safetensors").policy,
    "cheetah": lambda: read_actor(zoo_folder() / "HalfCheetah-v4" / "distil-s0.99.safetensors").policy,
}
QUICK = {("csr", "tiny"), ("stream", "tiny"), ("lanes", "single")} | {(k, "erk99") for k in ("csr", "rows", "lanes")}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "prices")


def measured(policy: Policy, kernel: str, target: Target, folder) -> tuple[int, int]:
    """Most cycles and policy bytes of the firmware on the emulated board, on the observations of a price."""
    plan = compile_policy(policy, CompileOptions(c_identifier(policy.env_id), kernel, core=target.board.core))
    image = build_image(plan, target.board, target.toolchain, folder)
    with EmulatorDevice(image.elf, target.board, policy.digest, flash_model=target.flash_model) as device:
        cycles = sample_cycles(policy, device, corner_observations(policy, OBSERVATIONS)).cycles
    return int(np.max(cycles)), image.sizes.flash.policy


@pytest.mark.parametrize(
    ("kernel", "net"),
    [
        pytest.param(*case, marks=[] if case in QUICK else pytest.mark.long)
        for case in product(fitting_kernels("cortex-m4"), NETS)
        if KERNELS[case[0]].constant_time
    ],
)
def test_firmware_costs_what_was_priced(kernel, net, tmp_path):
    policy = NETS[net]()
    predicted = price(policy, "cortex-m4", kernel)
    assert predicted.kernel == kernel
    assert (predicted.cycles, predicted.flash_bytes) == measured(policy, kernel, target_of("cortex-m4"), tmp_path)


@pytest.mark.parametrize(
    ("kernel", "core", "flash_model"),
    [
        ("lanes", "cortex-m4", "stm32f405-art"),
        ("csr", "cortex-m4", "stm32f405-art"),
        ("dense", "cortex-m4", "generic-64bit-4ws"),
        pytest.param("straight", "cortex-m4", "stm32f405-art", marks=pytest.mark.long),
        pytest.param("rows", "cortex-m4", "generic-64bit-4ws", marks=pytest.mark.long),
        pytest.param("straight-v6m", "cortex-m0plus", "zero-wait", marks=pytest.mark.long),
        pytest.param("lanes", "cortex-m7", "zero-wait", marks=pytest.mark.long),
    ],
)
def test_other_cores_and_slow_flash_are_priced_too(kernel, core, flash_model, tmp_path):
    policy, target = NETS["erk99"](), target_of(core, flash_model=flash_model)
    predicted = price_kernel(policy, target, kernel)
    cycles, flash_bytes = measured(policy, kernel, target, tmp_path)
    tolerance = 0 if flash_model == "zero-wait" else SLOW_FLASH_TOLERANCE
    assert predicted.cycles == pytest.approx(cycles, rel=tolerance)
    assert predicted.flash_bytes == flash_bytes


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus", pytest.param("cortex-m33", marks=pytest.mark.long)])
def test_reading_the_counter_is_priced_to_the_cycle(core, tmp_path):
    policy, target = NETS["tiny"](), target_of(core)
    cycles, _ = measured(policy, "csr", target, tmp_path)
    assert price_kernel(policy, target, "csr").cycles == cycles


def test_every_board_has_a_counter_whose_reading_is_priced():
    assert {load_board(name).cycle_counter for name in board_names()} == COUNTERS.keys()


def test_a_price_counts_the_stack_of_an_inference():
    narrow, wide = (simplify(random_policy(3, (3, width, 2), 0.0)) for width in (8, 200))
    more_neurons = wide.layers[0].rows - narrow.layers[0].rows
    assert price(wide).ram_bytes - price(narrow).ram_bytes == pytest.approx(more_neurons, abs=8)


def test_a_price_is_measured_once(monkeypatch):
    policy = random_policy(3, (3, 8, 2), 0.5)
    first = price(policy, "cortex-m4", "csr")
    monkeypatch.setattr("ganglion.pricing.prices.price_plan", lambda *_: pytest.fail("measured again"))
    assert price(policy, "cortex-m4", "csr") == first


def test_another_policy_and_another_compiler_have_prices_of_their_own(monkeypatch):
    calls = []
    compute = lambda: calls.append(1) or len(calls)  # noqa: E731
    assert remembered(("a",), compute) == remembered(("a",), compute) == 1
    assert remembered(("b",), compute) == 2
    monkeypatch.setattr(cache, "program_digest", lambda: "changed")
    assert remembered(("a",), compute) == 3


def test_a_broken_or_unwritable_cache_costs_time_only(monkeypatch, tmp_path):
    assert remembered(("a",), lambda: 1) == 1
    (path,) = cache.cache_folder().iterdir()
    path.write_text("{")
    assert remembered(("a",), lambda: 2) == 2
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(cache, "cache_folder", lambda: blocked / "prices")
    assert remembered(("a",), lambda: 3) == 3


def test_what_cannot_be_priced_is_said():
    policy = random_policy(3, (3, 8, 2), 0.5)
    with pytest.raises(OptionsError, match="there is no kernel 'cst'"):
        price(policy, "cortex-m4", "cst")
    with pytest.raises(UsageError, match="did you mean cortex-m4"):
        price(policy, "cortex-m44")


def test_a_plan_is_priced_under_its_own_name():
    plan = compile_policy(random_policy(3, (3, 8, 2), 0.5), CompileOptions("other_name"))
    assert price_plan(plan, target_of("cortex-m4")).flash_bytes > 0
