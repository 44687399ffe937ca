"""Mixes: what is predicted from parts is what is measured, and mixes win where a limit lies between two kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ganglion.codegen.actor import read_actor
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.parts import parse_parts
from ganglion.firmware.toolchain import ToolchainError
from ganglion.pricing import cache, target_of
from ganglion.pricing.candidates import price_kernels, price_mixes
from ganglion.pricing.choice import Limits, Refusal, choose
from ganglion.pricing.mixes import predict_mixes
from ganglion.pricing.prices import Price, price_kernel
from ganglion.selection import zoo_folder
from tests.support.nets import erk_net
from tests.support.policies import random_policy

TOLERANCE = 0.02
KINDS = ("csr", "rows", "straight")
NETS = {
    "small": lambda: random_policy(5, (11, 48, 32, 3), 0.8),
    "erk98": erk_net,
    "hopper": lambda: read_actor(zoo_folder() / "Hopper-v4" / "sac-s0.98.safetensors").policy,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("prices")


@pytest.fixture(autouse=True)
def own_cache(folder, monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: folder)


@pytest.mark.parametrize(
    ("net", "kernels", "count"),
    [
        ("small", KINDS, 3),
        ("small", ("csr", "bytes", "packed"), 3),
        *(pytest.param(net, (*KINDS, "lanes"), 12, marks=pytest.mark.long) for net in NETS),
    ],
)
def test_a_prediction_is_what_is_measured(net, kernels, count):
    policy, target = NETS[net](), target_of("cortex-m4")
    predicted = predict_mixes(policy, target, kernels)
    assert {part.kernel for price in predicted for part in parse_parts(price.kernel)} == set(kernels)
    for price in predicted[:: len(predicted) // count]:
        measured = price_kernel(policy, target, price.kernel)
        assert price.cycles == pytest.approx(measured.cycles, rel=TOLERANCE)
        assert price.flash_bytes == pytest.approx(measured.flash_bytes, rel=TOLERANCE)
        assert price.ram_bytes == pytest.approx(measured.ram_bytes, abs=16)


def test_a_mix_wins_where_a_limit_lies_between_two_kernels():
    policy, target = NETS["small"](), target_of("cortex-m4")
    single = [price_kernel(policy, target, kernel) for kernel in KINDS]
    sizes = {price.kernel: price.flash_bytes for price in single}
    limits = Limits(max_flash_bytes=(sizes["csr"] + max(sizes.values())) // 2)
    alone = choose(single, "cycles", limits).price
    best = choose([*single, *price_mixes(policy, target, single, "cycles", limits)], "cycles", limits).price
    assert best.cycles < alone.cycles and len(parse_parts(best.kernel)) > 1
    assert best == price_kernel(policy, target, best.kernel)


def test_neighbours_differ_and_every_cut_is_there():
    policy, target = NETS["small"](), target_of("cortex-m4")
    names = {price.kernel for price in predict_mixes(policy, target, KINDS)}
    three = {tuple(part.kernel for part in parse_parts(name)) for name in names if name.count(",") == 2}
    assert len(three) == 3 * 2 * 2 and len(names) == len(three) + 2 * 3 * 2


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 3), (4,) * 8])
def test_what_cannot_be_cut_has_no_mixes(shape):
    policy = random_policy(1, shape, 0.0)
    if len(policy.layers) == 2:
        first = policy.layers[0]
        policy = replace(policy, layers=(replace(first, weights=first.weights * 0), policy.layers[1]))
    assert predict_mixes(policy, target_of("cortex-m4"), KINDS) == []


def test_nothing_single_means_no_mix():
    assert price_mixes(NETS["small"](), target_of("cortex-m4"), [], "cycles", Limits()) == []


def test_every_kernel_is_priced_or_refused_with_a_reason(monkeypatch):
    monkeypatch.setattr(
        "ganglion.pricing.candidates.price_kernel", lambda _policy, _target, kernel, _span: Price(kernel, 1, 1, 1)
    )
    monkeypatch.setattr("ganglion.pricing.candidates.MAX_STRAIGHT_NONZEROS", 10)
    heard = []
    prices, refused = price_kernels(NETS["small"](), target_of("cortex-m4"), heard.append)
    reasons = {refusal.kernel: refusal.reason for refusal in refused}
    assert [price.kernel for price in prices] == heard
    assert {*heard, *reasons} == KERNELS.keys()
    assert "straight-line code is for 10 at most" in reasons["lanes"]
    assert "depends on the observation" in reasons["scatter"]


def test_a_kernel_that_the_compiler_refuses_is_refused_with_its_words(monkeypatch):
    def refuse(_policy, _target, kernel, _span):
        raise ToolchainError(f"zig stopped with exit code 1:\npolicy.h:49:2: error: no {kernel} here\n  49 | ...")

    monkeypatch.setattr("ganglion.pricing.candidates.price_kernel", refuse)
    prices, refused = price_kernels(NETS["small"](), target_of("cortex-m4"))
    assert prices == [] and Refusal("csr", "the compiler refuses it: no csr here") in refused
