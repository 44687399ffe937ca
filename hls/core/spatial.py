"""Spatial RTL: every layer an adder graph, no multiplier, one inference per clock.

da4ml finds the graphs (Sun et al., "da4ml: Distributed Arithmetic for Real-time Neural Networks on FPGAs",
arXiv 2507.04535); the Verilog is written here from its list of additions.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from ganglion.codegen import arithmetic
from ganglion.codegen.policy import Linear, Policy

from ..design import Design, DesignError, describe, hex_image, rtl_source
from ..templates import render
from .netlist import Netlist, Value
from .tanh_table import fraction_bits, tanh_segments

HEADS = {"tanh": 0, "clip": 1, "argmax": 2}
HEAD_CLOCKS = {"tanh": 3, "clip": 1, "argmax": 1}
MODULES = ("ganglion_add", "ganglion_saturate", "ganglion_tanh_logic", "ganglion_heads", "ganglion_spatial")
INPUT, ADD, SUBTRACT = -1, 0, 1
TANH_WORD_BITS = 28
SMALL, SHALLOW = "wmc", "wmc-dc"  # da4ml's searches: for the fewest adders, or for few on the longest way


def spatial_design(policy: Policy, adders_per_stage: int = 3, shallow: bool = False) -> Design:
    """The adder-graph core for `policy`, cut by registers after every `adders_per_stage` operations; `shallow`: fewer
    clocks and more adders.

    DesignError when that is less than one, or da4ml is not installed.
    """
    netlist = Netlist(adders_per_stage)
    stages = build_network(policy, netlist, shallow)
    latency = _latency(policy, stages)
    texts = {f"{name}.v": rtl_source(name) for name in MODULES}
    texts["ganglion_network.v"] = render(
        "network.v.j2",
        lines=netlist.lines,
        code_bits=policy.features * policy.observation.bits,
        output_bits=16 * policy.layers[-1].rows,
    )
    texts["ganglion_actor.v"] = render(
        "spatial_actor.v.j2",
        policy=policy,
        code_bits=policy.observation.bits,
        latency=latency,
        head=HEADS[policy.head.kind],
        head_clocks=HEAD_CLOCKS[policy.head.kind],
        fraction_bits=fraction_bits(policy),
        clip_shift=policy.layers[-1].output_exponent - arithmetic.ACTION_EXPONENT,
    )
    if policy.head.kind == "tanh":
        words = [(node & 0xFFFF) << 12 | slope for node, slope in tanh_segments()]
        texts["tanh.hex"] = hex_image(words, TANH_WORD_BITS)
    kind = "shallow" if shallow else "spatial"
    return describe(policy, f"{kind}-{adders_per_stage}", spatial_cycles(policy, stages), texts)


def spatial_cycles(policy: Policy, stages: int) -> int:
    """Clocks from the last observation code to the last action code, for a network of `stages` (build_network)."""
    return _latency(policy, stages) + policy.actions + 1


def _latency(policy: Policy, stages: int) -> int:
    return stages + 1 + HEAD_CLOCKS[policy.head.kind]


def build_network(policy: Policy, netlist: Netlist, shallow: bool = False) -> int:
    """Write the layers into `netlist`; returns the stage of the outputs, which are registered."""
    low, high = policy.observation.code_range
    bits = policy.observation.bits
    values = [Value(f"x{feature}", low, high, 0) for feature in range(policy.features)]
    for feature, value in enumerate(values):
        netlist.items.append(f"    wire signed [{bits - 1}:0] {value.name} = codes[{bits * feature}+:{bits}];")
    for layer in policy.layers:
        values = _layer(layer, values, netlist, SHALLOW if shallow else SMALL)
    last = max(netlist.stage(value) for value in values)
    for row, value in enumerate(values):
        name = netlist.at(value, last)
        netlist.items.append(f"    wire signed [15:0] z{row} = {name};")
        netlist.items.append(f"    always @(posedge clk) outputs[{16 * row}+:16] <= z{row};")
    return last


def _layer(layer: Linear, inputs: list[Value], netlist: Netlist, search: str) -> list[Value]:
    sums, outputs = _products(layer.weights, inputs, netlist, search), []
    readers = Counter(total.name for total in sums if total)
    low, high = layer.output_range
    for row, total in enumerate(sums):
        shift = int(layer.shifts[row])
        bias = int(layer.bias[row]) + (1 << shift >> 1)
        if total is None:
            biased = netlist.constant(bias)
        else:
            biased = netlist.add_constant(bias, total, exclusive=readers[total.name] == 1)
        outputs.append(netlist.shift_saturate(biased, shift, low, high))
    return outputs


def _products(weights: np.ndarray, inputs: list[Value], netlist: Netlist, search: str) -> list[Value | None]:
    """Weights times inputs, one value per row; None for a row without weights."""
    if not weights.any():
        return [None] * len(weights)
    for graph in _solve(weights, inputs, search):
        nodes: list[Value] = []
        for op in graph.ops:
            if op.opcode == INPUT:
                nodes.append(_input(inputs[op.id0], graph.inp_shifts[op.id0]))
            elif op.opcode in (ADD, SUBTRACT):
                other = nodes[op.id1].scaled(int(op.data)).negated(op.opcode == SUBTRACT)
                nodes.append(netlist.add(nodes[op.id0], other))
            else:
                raise DesignError(f"da4ml gave an operation {op.opcode} that is no addition; use version 0.6")
        outputs = zip(graph.out_idxs, graph.out_shifts, graph.out_negs, strict=True)
        inputs = [None if at < 0 else nodes[at].scaled(int(shift)).negated(bool(neg)) for at, shift, neg in outputs]
    return inputs


def _input(value: Value | None, shift: int) -> Value | None:
    return None if value is None else value.scaled(int(shift))


def _solve(weights: np.ndarray, inputs: list[Value], search: str) -> tuple:
    """da4ml's adder graphs, one after the other, for a matrix of integers."""
    try:
        from da4ml.cmvm import solve
        from da4ml.types import QInterval
    except ImportError as error:
        raise DesignError("the spatial design needs da4ml; `pip install da4ml`") from error
    intervals = [QInterval(float(value.low), float(value.high), 1.0) for value in inputs]
    latencies = [float(value.depth) for value in inputs]
    kernel = np.ascontiguousarray(weights.T, dtype=np.float32)  # da4ml reads the memory as it lies
    return solve(
        kernel, search, qintervals=intervals, latencies=latencies, search_all_decompose_dc=False, decompose_dc=0
    ).solutions
