"""Parts: every kernel in every place of a mix is equal to the oracle; a wrong mix is one clear line."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import digest
from ganglion.codegen.bounds import prove_bounds
from ganglion.codegen.compile import CompileOptions, OptionsError, compile_policy
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.parts import Part, PartsError, cut, is_mix, notation, parse_parts, reorder
from ganglion.codegen.parts_c import arrange
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy, PolicyError
from ganglion.codegen.reference import activations, infer_codes
from ganglion.firmware.emulator.call import Caller
from tests.support import kernel_runs
from tests.support.c_code import STRICT, Batch, c_compilers
from tests.support.policies import random_policy

IN_PARTS = [name for name, kernel in KERNELS.items() if kernel.in_parts]
MIXES = (
    "straight:1,rows:1,csr:1,lanes:1",
    "rows:1,straight:1,lanes:1,csr:1",
    "csr:1,lanes:1,straight:1,rows:1",
    "lanes:1,csr:1,rows:1,straight:1",
    "lanes:2,straight:2",
    "straight:2,lanes:2",
    "rows:2,csr:2",
    "csr:2,rows:2",
    "csr:1,lanes:3",
    "rows:1,straight:3",
    "packed:1,bytes:1,packed:1,bytes:1",
    "bytes:1,packed:1,bytes:1,packed:1",
    "packed:2,rows:1,bytes:1",
    "lanes:1,bytes:3",
    "shifts:1,csr:1,shifts:1,rows:1",
    "csr:1,shifts:1,rows:1,shifts:1",
    "dense:1,lanes:1,dense:1,straight:1",
    "rows:1,dense:1,csr:1,dense:1",
    "packed:1,dense:3",
    "dense:3,bytes:1",
)


def _loud(policy: Policy) -> Policy:
    """The same weights with smaller shifts, so that activations reach the upper half of their range."""
    layers = [
        replace(layer, weight_exponents=np.minimum(layer.weight_exponents + 2, layer.weight_exponents + layer.shifts))
        for layer in policy.layers
    ]
    policy = replace(policy, layers=tuple(layers))
    return replace(policy, digest=digest(policy))


POLICIES = {
    "narrow": _loud(random_policy(1, (7, 40, 30, 24, 3), 0.7)),
    "wide": _loud(random_policy(2, (7, 40, 30, 24, 6), 0.6, "clip", 16, 16)),
    "choice": _loud(random_policy(3, (5, 12, 10, 8, 4), 0.3, "argmax")),
}
CASES = [(policy, number) for policy, number in product(POLICIES, range(len(MIXES)))]

names = st.sampled_from(IN_PARTS)
mixes = st.lists(st.tuples(names, st.integers(1, 9)), min_size=1, max_size=6)


def _sample(policy: Policy, count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    low, high = policy.observation.code_range
    result = rng.integers(low, high, (count, policy.features), endpoint=True)
    result[:20] = rng.choice([low, high], (20, policy.features))
    return result


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """One program with every policy in every mix."""
    kernels = {f"{policy}{number}": MIXES[number] for policy, number in CASES}
    nets = {f"{policy}{number}": POLICIES[policy] for policy, number in CASES}
    elf, plans = kernel_runs.build(nets, kernels, tmp_path_factory.mktemp("parts"))
    return elf, {plan.name: plan for plan in plans}


def test_every_kernel_stands_in_every_place():
    places = {(part.kernel, part.first) for mix in MIXES for part in parse_parts(mix)}
    assert places >= set(product(IN_PARTS, range(4)))


@pytest.mark.parametrize(("policy", "number"), CASES)
def test_equal_to_the_oracle_in_the_emulator(built, policy, number):
    elf, plans = built
    sample = _sample(POLICIES[policy], 100)
    with Caller(elf) as caller:
        found = kernel_runs.infer_codes(caller, plans[f"{policy}{number}"], sample)
    assert np.array_equal(found, infer_codes(POLICIES[policy], sample))


def test_activations_use_all_bits_of_their_buffers():
    """So that a signed load of an unsigned code would be seen."""
    for name, top in (("narrow", 1 << 7), ("wide", 1 << 15)):
        hidden = activations(POLICIES[name], _sample(POLICIES[name], 100))[:-1]
        assert all((values >= top).any() for values in hidden)


def test_portable_parts_are_equal_to_the_oracle_natively(tmp_path):
    plans = [
        compile_policy(policy, CompileOptions(f"{name}{number}", mix))
        for name, policy in POLICIES.items()
        for number, mix in enumerate(("rows:2,csr:2", "csr:1,packed:3", "packed:2,bytes:1,rows:1"))
    ]
    batch = Batch(plans, tmp_path, c_compilers()[0], "-O2", *STRICT)
    for plan in plans:
        policy = POLICIES[plan.name[:-1]]
        sample = _sample(policy, 300)
        assert np.array_equal(batch.codes(plan, sample), infer_codes(policy, sample))
        assert batch.self_test(plan) == 0


@pytest.mark.parametrize("mix", MIXES)
def test_an_arranged_policy_computes_the_same(mix):
    for policy in POLICIES.values():
        sample = _sample(policy, 50)
        arranged = arrange(simplify(policy), parse_parts(mix))
        assert np.array_equal(infer_codes(arranged, sample), infer_codes(policy, sample))


def test_a_part_computes_what_its_layers_do():
    policy = simplify(POLICIES["wide"])
    sample = _sample(policy, 50)
    whole = activations(policy, sample)
    own, bounds = cut(policy, 1, 3)
    found = activations(own, whole[0])
    assert all(map(np.array_equal, found, whole[1:3]))
    assert own.observation.code_range == (
        0,
        max(int(layer_bounds.output.high.max()) for layer_bounds in _before(policy)),
    )
    assert len(bounds) == 2


def _before(policy: Policy):
    return cut(policy, 0, 1)[1]


def test_a_part_needs_no_wider_bounds_than_the_whole():
    """One input is large and many are small: whoever took all for large could not prove that sums fit."""
    width = 400
    wide = random_policy(1, (4, width, 3, 2), 0.0, hidden_bits=16)
    first, second, last = wide.layers
    bias = np.zeros(width, np.int32)
    bias[0] = 1 << 29
    first = replace(
        first, weights=np.ones_like(first.weights), bias=bias, weight_exponents=first.weight_exponents * 0 - 7
    )
    first = replace(first, output_exponent=first.input_exponent - 7)
    second = replace(
        second,
        weights=np.full_like(second.weights, 127),
        bias=np.zeros_like(second.bias),
        input_exponent=first.output_exponent,
        weight_exponents=np.full(3, second.output_exponent - first.output_exponent - 12),
    )
    policy = replace(wide, layers=(first, second, last))
    policy = replace(policy, digest=digest(policy))
    assert compile_policy(policy, CompileOptions("net", "csr:1,rows:2")).kernel == "csr:1,rows:2"
    with pytest.raises(PolicyError, match="the accumulator can reach"):
        prove_bounds(cut(policy, 1, 3)[0])


@given(st.permutations(range(40)))
@settings(max_examples=20)
def test_hidden_neurons_may_be_permuted(order):
    policy = POLICIES["narrow"]
    sample = _sample(policy, 30)
    assert np.array_equal(infer_codes(reorder(policy, 0, np.array(order)), sample), infer_codes(policy, sample))


@given(mixes)
def test_notation_and_parts_are_inverse(mix):
    text = ",".join(f"{kernel}:{count}" for kernel, count in mix)
    parts = parse_parts(text)
    assert notation(parts) == text and is_mix(text)
    assert parts[0].first == 0 and all(a.end == b.first for a, b in zip(parts, parts[1:], strict=False))
    assert parts[-1] == Part(mix[-1][0], parts[-1].end - mix[-1][1], sum(count for _, count in mix))


@pytest.mark.parametrize(
    ("kernel", "error", "message"),
    [
        ("rows:1,csr", PartsError, r"'csr' in 'rows:1,csr' is no part; write kernel:layers for each"),
        ("rows:0,csr:3", PartsError, "'rows:0' in .* is no part"),
        ("rows:1,csr:2,", PartsError, "'' in .* is no part"),
        ("rows:1,stream:3", PartsError, "'stream' in .* is no kernel .*; allowed: csr, rows, dense, bytes, "),
        ("rows:1,cst:3", PartsError, "'cst' in .* is no kernel for parts"),
        ("rows:1,csr:2", PartsError, "rows:1,csr:2 are 3 layers, the policy has 4"),
        ("rows:1,csr:4", PartsError, "are 5 layers, the policy has 4"),
    ],
)
def test_a_wrong_mix_is_refused(kernel, error, message):
    with pytest.raises(error, match=message):
        compile_policy(POLICIES["narrow"], CompileOptions("net", kernel))


def test_a_mix_needs_the_instructions_of_all_its_kernels():
    with pytest.raises(OptionsError, match="kernel lanes needs the instructions of dsp"):
        compile_policy(POLICIES["narrow"], CompileOptions("net", "csr:1,lanes:3", core="cortex-m3"))


def test_layers_without_neurons_are_not_cut():
    policy = POLICIES["narrow"]
    silent = replace(policy.layers[1], weights=np.zeros_like(policy.layers[1].weights))
    constant = replace(policy, layers=(policy.layers[0], silent, *policy.layers[2:]))
    with pytest.raises(PartsError, match="layer 0 has no neuron left"):
        compile_policy(constant, CompileOptions("net", "rows:1,csr:3"))
