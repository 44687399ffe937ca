"""A policy as hls4ml's layers, with every precision told, and the proof that hls4ml took them as told."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganglion.codegen.policy import Linear, Policy

from .backend import Backend
from .precision import Fixed, LayerTypes, layer_types

if TYPE_CHECKING:
    from hls4ml.model.graph import ModelGraph

ACTION = Fixed(16, -15)
INDEX = Fixed(16, 0)


class InexactError(RuntimeError):
    """hls4ml changed a layer or a type, so that its C++ would not compute the policy; says which."""


@dataclass(frozen=True)
class NetworkOptions:
    """What the tool is told of the hardware: `reuse_factor` products share a multiplier."""

    name: str
    part: str
    clock_period_ns: float
    reuse_factor: int
    strategy: str


def build_network(policy: Policy, backend: Backend, options: NetworkOptions, folder: Path) -> ModelGraph:
    """hls4ml's graph of `policy`, to be written into `folder`; InexactError unless layers and types are those that
    were asked for."""
    with contextlib.redirect_stdout(io.StringIO()):
        from hls4ml.model.graph import ModelGraph

        from .head import register_head

        register_head(backend.name)
        layers, precisions = describe_network(policy)
        graph = ModelGraph.from_layer_list(_configuration(backend, options, precisions, folder), layers)
    check_network(graph, layers, precisions)
    return graph


def describe_network(policy: Policy) -> tuple[list[dict], dict[str, dict[str, Fixed]]]:
    """hls4ml's layer descriptions, and the types by layer name and use."""
    bits = policy.observation.bits
    layers: list[dict] = [{"class_name": "InputLayer", "name": "codes", "input_shape": [policy.features]}]
    precisions = {"codes": {"result": Fixed(bits, policy.observation.exponent)}}
    low, high = policy.observation.code_range
    for index, layer in enumerate(policy.layers):
        types = layer_types(layer, low, high)
        layers.append(_dense(f"layer{index}", layer))
        precisions[f"layer{index}"] = _dense_types(types, layer.relu)
        if layer.relu:
            name = f"relu{index}"
            layers.append({"class_name": "Activation", "name": name, "activation": "relu", "n_in": layer.rows})
            precisions[name] = {"result": types.output}
        low, high = layer.output_range
    layers.append(_head(policy))
    precisions["head"] = {"result": INDEX if policy.head.kind == "argmax" else ACTION}
    return layers, precisions


def _dense(name: str, layer: Linear) -> dict:
    weights = layer.weights * np.exp2(layer.weight_exponents.astype(np.float64))[:, None]
    bias = layer.bias * np.exp2((layer.weight_exponents + layer.input_exponent).astype(np.float64))
    return {
        "class_name": "Dense", "name": name, "n_in": layer.columns, "n_out": layer.rows, "use_bias": True,
        "weight_data": np.ascontiguousarray(weights.T), "bias_data": bias,
    }  # fmt: skip


def _dense_types(types: LayerTypes, relu: bool) -> dict[str, Fixed]:
    result = types.accumulator if relu else types.output
    return {"weight": types.weight, "bias": types.bias, "accum": types.accumulator, "result": result}


def _head(policy: Policy) -> dict:
    last = policy.layers[-1]
    return {
        "class_name": "GanglionHead", "name": "head", "head": policy.head.kind, "n_in": last.rows,
        "n_out": policy.actions, "exponent": last.output_exponent,
    }  # fmt: skip


def _configuration(backend: Backend, options: NetworkOptions, precisions: dict, folder: Path) -> dict:
    from hls4ml.backends import get_backend

    choice = {"ReuseFactor": options.reuse_factor, "Strategy": options.strategy}
    names = {
        name: {"Precision": {use: fixed.text for use, fixed in types.items()}, **choice}
        for name, types in precisions.items()
    }
    start = get_backend(backend.name).create_initial_config(
        part=options.part, clock_period=options.clock_period_ns, io_type="io_parallel"
    )
    return {
        **start,
        "Backend": backend.name,
        "OutputDir": str(folder),
        "ProjectName": options.name,
        "HLSConfig": {"Model": {"Precision": "fixed<32,16>", **choice}, "LayerName": names},
    }


def check_network(graph: ModelGraph, layers: list[dict], precisions: dict[str, dict[str, Fixed]]) -> None:
    """InexactError unless hls4ml's layers and their types are `layers` and `precisions` (describe_network)."""
    found = [layer.name for layer in graph.get_layers()]
    expected = [layer["name"] for layer in layers]
    if found != expected:
        raise InexactError(f"hls4ml made the layers {', '.join(found)} of {', '.join(expected)}; use version 1.3")
    for layer in graph.get_layers():
        for use, fixed in precisions[layer.name].items():
            variable = layer.get_output_variable().type if use == "result" else layer.get_attr(f"{use}_t")
            _check_type(f"{layer.name} {use}", variable.precision, fixed)


def _check_type(where: str, found, expected: Fixed) -> None:
    modes = (found.rounding_mode.name, found.saturation_mode.name)
    shape = (found.width, found.integer, bool(found.signed))
    same = shape == (expected.bits, expected.bits + expected.exponent, expected.signed)
    if not same or (expected.rounds and modes != ("RND", "SAT")):
        raise InexactError(f"hls4ml gives {where} the type {found}; {expected.text} is needed for equality")
