"""Sequential RTL: a sparse multiply-accumulate core whose program lies in block RAM.

The hand-written modules in rtl/ do the work; what depends on the policy is three memory images and the
parameters with which `ganglion_actor` instantiates the core.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganglion.codegen import arithmetic
from ganglion.codegen.policy import HEAD_BITS, Linear, Policy

from ..design import Design, DesignError, describe, hex_image, rtl_source
from ..templates import render
from .schedule import TANH_SLOTS, Row, Schedule, Tanh, schedule
from .tanh_table import fraction_bits, tanh_segments

MAX_LANES = 8
TANH_TABLE_SEGMENTS = 128
DRAIN_SLOTS = 10  # words of nothing behind the program: the program counter runs on until the last action leaves
OUTPUT_DELAY = 8  # clocks from the last slot to the last action code
RAM_DEPTH = 2048  # the deepest block RAM of the smallest part
HEADS = {"tanh": 0, "clip": 1, "argmax": 2}
MODULES = (
    "ganglion_rom",
    "ganglion_saturate",
    "ganglion_lane",
    "ganglion_tanh",
    "ganglion_head",
    "ganglion_sequential",
)


@dataclass(frozen=True)
class RowEntry:
    """What follows a row's sum: add `bias`, shift right by `shift`, saturate (`wide`: to 16 bits), and hand the
    result to the head (`head`) or to the activations; `final` ends the inference."""

    bias: int
    shift: int
    wide: bool
    head: bool
    final: bool


def sequential_design(policy: Policy, lanes: int = 1) -> Design:
    """The sequential core for `policy` on 1 to 8 lanes (DesignError otherwise)."""
    if not 1 <= lanes <= MAX_LANES:
        raise DesignError(f"{lanes} lanes asked for; allowed: 1 to {MAX_LANES}")
    plan = schedule(policy, lanes)
    parameters = _parameters(policy, plan)
    texts = {f"{name}.v": rtl_source(name) for name in MODULES}
    texts["ganglion_actor.v"] = render("sequential_actor.v.j2", policy=policy, **parameters)
    texts["program.hex"] = hex_image(_program(policy, plan, parameters), lanes * _word_bits(parameters))
    texts["rows.hex"] = hex_image(_row_table(policy, plan, parameters), _entry_bits(parameters))
    if policy.head.kind == "tanh":
        texts["tanh.hex"] = hex_image(_tanh_words(), HEAD_BITS)
    return describe(policy, f"sequential-{lanes}", plan.last_slot + OUTPUT_DELAY, texts)


def memory_shapes(policy: Policy, lanes: int) -> list[tuple[int, int]]:
    """Words and bits of the core's memories: program, rows, tanh, and the activations of each lane."""
    parameters = _parameters(policy, schedule(policy, lanes))
    activations = (1 << (parameters["activations"] - 1).bit_length(), parameters["activation_bits"])
    tanh = [(2 * TANH_TABLE_SEGMENTS, HEAD_BITS)] if policy.head.kind == "tanh" else []
    return [
        (parameters["program_words"], lanes * _word_bits(parameters)),
        (parameters["rows"], _entry_bits(parameters)),
        *tanh,
        *[activations] * lanes,
    ]


def _parameters(policy: Policy, plan: Schedule) -> dict[str, int]:
    entries = _entries(policy, plan)
    hidden_bits = [layer.output_bits for layer in policy.layers[:-1]]
    activation_bits = max([policy.observation.bits, *hidden_bits])
    activations = policy.features + sum(layer.rows for layer in policy.layers[:-1])
    shifts = [entry.shift for entry in entries]
    weight_bits = max(_signed_bits(int(layer.weights.min()), int(layer.weights.max())) for layer in policy.layers)
    words = plan.last_slot + 1 + DRAIN_SLOTS
    return {
        "features": policy.features,
        "lanes": plan.lanes,
        "code_bits": policy.observation.bits,
        "activation_bits": activation_bits,
        "narrow_bits": min([*hidden_bits, activation_bits]),
        "weight_bits": weight_bits,
        "accumulator_bits": _accumulator_bits(policy),
        "address_bits": activations.bit_length(),
        "activations": activations,
        "program_bits": (words - 1).bit_length(),
        "program_words": _memory_depth(words),
        "row_bits": (_memory_depth(len(entries)) - 1).bit_length(),
        "rows": _memory_depth(len(entries)),
        "shift_min": min(shifts),
        "shift_bits": max(1, (max(shifts) - min(shifts)).bit_length()),
        "head": HEADS[policy.head.kind],
        "fraction_bits": fraction_bits(policy),
        "clip_shift": policy.layers[-1].output_exponent - arithmetic.ACTION_EXPONENT,
        "a_bits": max(activation_bits, fraction_bits(policy) + 3),
        "b_bits": HEAD_BITS,
    }


def _memory_depth(words: int) -> int:
    """Words rounded up to what block RAM offers without multiplexers: a power of two, or a multiple of 2048."""
    return 1 << (words - 1).bit_length() if words <= RAM_DEPTH else -(-words // RAM_DEPTH) * RAM_DEPTH


def _zero_point(layer: Linear) -> int:
    """What is subtracted from a hidden activation where it is stored, so that it becomes signed."""
    return 1 << (layer.output_bits - 1) if layer.relu else 0


def _stored_bias(policy: Policy, index: int) -> np.ndarray:
    """Biases with the rounding half and both zero points folded in, int64 (rows,) as Python integers."""
    layer = policy.layers[index]
    zero_in = _zero_point(policy.layers[index - 1]) if index else 0
    half = (1 << layer.shifts.astype(object)) >> 1
    zero_out = _zero_point(layer) << layer.shifts.astype(object)
    return (
        layer.bias.astype(object)
        + half
        + zero_in * layer.weights.astype(np.int64).sum(axis=1).astype(object)
        - zero_out
    )


def _entries(policy: Policy, plan: Schedule) -> list[RowEntry]:
    biases = [_stored_bias(policy, index) for index in range(len(policy.layers))]
    tanh_shift = fraction_bits(policy) + 1
    last, entries = plan.in_order[-1], []
    for item in plan.in_order:
        if isinstance(item, Tanh):
            entries.append(RowEntry((1 << (tanh_shift - 1)) - 1, tanh_shift, True, True, item is last))
            continue
        layer = policy.layers[item.layer]
        wide = layer.output_bits == HEAD_BITS
        shift = int(layer.shifts[item.row])
        entries.append(RowEntry(int(biases[item.layer][item.row]), shift, wide, not layer.relu, item is last))
    return entries


def _accumulator_bits(policy: Policy) -> int:
    """Signed bits that hold every partial sum, in any order, before and after the bias."""
    largest = 1 << (HEAD_BITS + fraction_bits(policy))  # twice the tanh, before its shift
    for index, layer in enumerate(policy.layers):
        input_bits = policy.layers[index - 1].output_bits if index else policy.observation.bits
        sums = np.abs(layer.weights.astype(np.int64)).sum(axis=1).astype(object) << (input_bits - 1)
        largest = max(largest, *(sums + abs(_stored_bias(policy, index))))
    return int(largest).bit_length() + 1


def _program(policy: Policy, plan: Schedule, parameters: dict[str, int]) -> list[int]:
    """One word per slot: the lanes' words side by side, lane 0 lowest."""
    addresses, width = _addresses(policy, plan), _word_bits(parameters)
    words = [0] * parameters["program_words"]
    for row in plan.rows:
        weights = policy.layers[row.layer].weights[row.row]
        products = [(addresses[row.layer - 1, column], int(weights[column])) for column in row.columns] or [(0, 0)]
        for (address, weight), slot in zip(products, row.slots, strict=True):
            words[slot] |= _word(address, weight, slot == row.end, parameters) << (row.lane * width)
    for item in plan.tanh:
        for slot in range(item.end - TANH_SLOTS + 1, item.end + 1):
            words[slot] |= _word((1 << parameters["address_bits"]) - 1, 0, slot == item.end, parameters)
    return words


def _addresses(policy: Policy, plan: Schedule) -> dict[tuple[int, int], int]:
    """Where each activation lies: observation (layer -1) first, then hidden rows in the order in which they end."""
    addresses = {(-1, feature): feature for feature in range(policy.features)}
    last = len(policy.layers) - 1
    hidden = [item for item in plan.in_order if isinstance(item, Row) and item.layer < last]
    return addresses | {(row.layer, row.row): policy.features + index for index, row in enumerate(hidden)}


def _word(address: int, weight: int, last: bool, parameters: dict[str, int]) -> int:
    bits = parameters["weight_bits"]
    return (last << parameters["address_bits"] | address) << bits | weight & ((1 << bits) - 1)


def _row_table(policy: Policy, plan: Schedule, parameters: dict[str, int]) -> list[int]:
    return _padded([_entry_word(entry, parameters) for entry in _entries(policy, plan)], parameters["rows"])


def _padded(words: list[int], length: int) -> list[int]:
    return words + [0] * (length - len(words))


def _entry_word(entry: RowEntry, parameters: dict[str, int]) -> int:
    flags = entry.final << 2 | entry.head << 1 | entry.wide
    fields = flags << parameters["shift_bits"] | (entry.shift - parameters["shift_min"])
    bits = parameters["accumulator_bits"]
    return fields << bits | entry.bias & ((1 << bits) - 1)


def _tanh_words() -> list[int]:
    """Node and slope of each segment in turn."""
    return [word & ((1 << HEAD_BITS) - 1) for segment in tanh_segments() for word in segment]


def _word_bits(parameters: dict[str, int]) -> int:
    return 1 + parameters["address_bits"] + parameters["weight_bits"]


def _entry_bits(parameters: dict[str, int]) -> int:
    return 3 + parameters["shift_bits"] + parameters["accumulator_bits"]


def _signed_bits(low: int, high: int) -> int:
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + 1
