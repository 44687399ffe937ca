"""Mixes: a kernel for each group of layers, found by prices that add up.

Every part (some consecutive layers with one kernel) is compiled and run by itself, all in one program. What a mix
costs beyond its parts (observation map, head, self-test) is the same for all of them and is known from one mix that is
priced as a whole. So thousands of mixes are predicted from some tens of measurements, and the few best are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ganglion.codegen.actor import digest
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.parts import Part, cut, notation
from ganglion.codegen.parts_c import arrange, part_files, part_function
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy

from .cache import remembered
from .prices import Price, price_kernel
from .program import linked_program
from .target import Target

REFERENCE = "csr"
MAX_LAYERS = 6
"""Mixes of seven kernels are seven times as many with every layer: 336 for three, 117,642 for six."""

CALL_CYCLES, CALL_BYTES = 5, 8
"""What another part adds to the function that calls all: two addresses and a call."""

_INPUTS = 3


@dataclass(frozen=True)
class PartPrice:
    """What one part costs, called as a function."""

    part: Part
    cycles: int
    flash_bytes: int
    stack_bytes: int


def predict_mixes(policy: Policy, target: Target, kernels: Sequence[str]) -> list[Price]:
    """Predicted prices of all mixes of two parts or more, of kernels that can compute parts; none for a single layer,
    for more than MAX_LAYERS, and where a layer has no neuron left."""
    live = simplify(policy)
    if not 2 <= len(live.layers) <= MAX_LAYERS or not all(layer.rows for layer in live.layers):
        return []
    kernels = [name for name in kernels if KERNELS[name].in_parts]
    key = ("parts", digest(policy), *kernels, *target.key)
    rows = remembered(key, lambda: [_as_row(price) for price in _price_parts(live, target, kernels)])
    prices = {price.part: price for price in map(_from_row, rows)}
    whole = Part(REFERENCE, 0, len(live.layers))
    measured = price_kernel(policy, target, notation([whole]))
    fixed = Price(
        "",
        measured.cycles - prices[whole].cycles,
        measured.flash_bytes - prices[whole].flash_bytes,
        measured.ram_bytes - prices[whole].stack_bytes,
    )
    return [_add_up(mix, prices, fixed, live) for mix in _mixes(len(live.layers), kernels)]


def _add_up(mix: Sequence[Part], prices: dict[Part, PartPrice], fixed: Price, policy: Policy) -> Price:
    own = [prices[part] for part in mix]
    buffers = sum(_words(policy, part.end - 1) for part in mix[:-1])
    return Price(
        kernel=notation(mix),
        cycles=fixed.cycles + sum(price.cycles for price in own) + CALL_CYCLES * (len(mix) - 1),
        flash_bytes=fixed.flash_bytes + sum(price.flash_bytes for price in own) + CALL_BYTES * (len(mix) - 1),
        ram_bytes=fixed.ram_bytes + max(price.stack_bytes for price in own) + buffers,
    )


def _words(policy: Policy, index: int) -> int:
    """Bytes of the buffer behind layer `index`, whole words."""
    layer = policy.layers[index]
    return -(-layer.rows * layer.output_bits // 32) * 4


def _mixes(layers: int, kernels: Sequence[str]) -> Iterator[tuple[Part, ...]]:
    """All ways to cut `layers` into two parts or more, no two neighbours with the same kernel."""
    for mix in _cuts(0, layers, kernels):
        if len(mix) > 1 and all(a.kernel != b.kernel for a, b in pairwise(mix)):
            yield mix


def _cuts(first: int, layers: int, kernels: Sequence[str]) -> Iterator[tuple[Part, ...]]:
    if first == layers:
        yield ()
    for end in range(first + 1, layers + 1):
        for kernel in kernels:
            for rest in _cuts(end, layers, kernels):
                yield (Part(kernel, first, end), *rest)


def _price_parts(policy: Policy, target: Target, kernels: Sequence[str]) -> list[PartPrice]:
    layers = len(policy.layers)
    spans = [(first, end) for first in range(layers) for end in range(first + 1, layers + 1)]
    parts = [Part(kernel, *span) for span in spans for kernel in kernels if span != (0, layers)]
    parts.append(Part(REFERENCE, 0, layers))
    functions = [part_function(f"part{number}", arrange(policy, (part,)), part) for number, part in enumerate(parts)]
    with linked_program(part_files(functions), "part_list", target) as program:
        stack_bytes = program.stack_bytes(*(function.name for function in functions))
        return [
            PartPrice(
                part,
                program.most_cycles(function.name, _inputs(policy, part), 2 * function.outputs),
                program.symbol_bytes(function.name),
                stack_bytes[function.name],
            )
            for part, function in zip(parts, functions, strict=True)
        ]


def _inputs(policy: Policy, part: Part) -> np.ndarray:
    """Random codes that can come into `part`."""
    observation = cut(policy, part.first, part.end)[0].observation
    low, high = observation.code_range
    codes = np.random.default_rng(0).integers(low, high, (_INPUTS, len(observation.gain)), endpoint=True)
    return codes.astype(f"<{'i' if low < 0 else 'u'}{observation.bits // 8}")


def _as_row(price: PartPrice) -> list:
    return [price.part.kernel, price.part.first, price.part.end, price.cycles, price.flash_bytes, price.stack_bytes]


def _from_row(row: list) -> PartPrice:
    return PartPrice(Part(*row[:3]), *row[3:])
