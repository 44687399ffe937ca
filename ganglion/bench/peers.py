"""What kernels are compared with: the same net in plain C, or made by another compiler, up to the outputs of its last
layer, without the head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from ganglion.codegen.c_text import CArray, c_array
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Linear, Policy
from ganglion.codegen.templating import c_templates

from .emlearn_peer import EMLEARN, emlearn_function
from .program import Function


@dataclass(frozen=True)
class PeerLayer:
    """A layer as the templates print it."""

    index: int
    rows: int
    columns: int
    last: bool
    low: int
    high: int
    source_type: str
    target_type: str
    arrays: list[CArray]


@dataclass(frozen=True)
class Peer:
    """A peer: its template, its arrays, whether it computes in floats, whether dead neurons are left out
    first, and the compiler options with which it is fastest; `package` is what makes its C, if not this program."""

    name: str
    template: str
    arrays: Callable[[int, Linear, float], list[CArray]]
    floats: bool = False
    simplified: bool = False
    optimise: tuple[str, ...] = ("-O3",)
    package: str | None = None


def missing_peer(peer: Peer) -> str | None:
    """Why the peer cannot be measured here: its package is not installed."""
    if peer.package is None or find_spec(peer.package):
        return None
    return f"{peer.package} is not installed; pip install -c constraints.txt -e '.[bench]'"


def peer_function(peer: Peer, policy: Policy) -> Function:
    """The peer's C for `policy`."""
    if peer.package == EMLEARN:
        return emlearn_function(policy, peer.template, peer.optimise)
    policy = simplify(policy) if peer.simplified else policy
    types = [
        f"int{policy.observation.bits}_t",
        *(f"uint{layer.output_bits}_t" for layer in policy.layers[:-1]),
        "int16_t",
    ]
    types = ["float"] * len(types) if peer.floats else types
    layers = [_layer(peer, index, layer, (types[index], types[index + 1])) for index, layer in enumerate(policy.layers)]
    header = c_templates(__package__).get_template(peer.template).render(layers=layers)
    output = ("float", "<f4") if peer.floats else ("int16_t", "<i2")
    return Function(header, "peer", types[0], output[0], policy.layers[-1].rows, output[1], peer.optimise)


def _layer(peer: Peer, index: int, layer: Linear, types: tuple[str, str]) -> PeerLayer:
    low, high = layer.output_range
    arrays = peer.arrays(index, layer, 2.0**layer.input_exponent)
    return PeerLayer(index, layer.rows, layer.columns, not layer.relu, low, high, *types, arrays)


def _integers(index: int, layer: Linear) -> list[CArray]:
    half = np.left_shift(np.int64(1), layer.shifts.astype(np.int64)) >> 1
    return [
        c_array(f"bias{index}", (layer.bias + half).astype(np.int32)),
        c_array(f"shift{index}", layer.shifts.astype(np.uint8)),
    ]


def _csr(index: int, layer: Linear, unit: float) -> list[CArray]:
    rows, columns = np.nonzero(layer.weights)
    pointers = np.concatenate(([0], np.cumsum(np.count_nonzero(layer.weights, axis=1))))
    return [
        c_array(f"weights{index}", layer.weights[rows, columns]),
        c_array(f"columns{index}", columns.astype(np.uint8 if layer.columns <= 256 else np.uint16)),
        c_array(f"rows{index}", pointers.astype(np.uint16 if pointers[-1] < 65536 else np.uint32)),
        *_integers(index, layer),
    ]


def _dense(index: int, layer: Linear, unit: float) -> list[CArray]:
    return [c_array(f"weights{index}", layer.weights), *_integers(index, layer)]


def _float(index: int, layer: Linear, unit: float) -> list[CArray]:
    scale = 2.0 ** layer.weight_exponents.astype(float)
    return [
        c_array(f"weights{index}", (layer.weights * scale[:, None]).astype(np.float32)),
        c_array(f"bias{index}", (layer.bias * scale * unit).astype(np.float32)),
    ]


PEERS = {
    peer.name: peer
    for peer in (
        Peer("float32-c", "float32.h.j2", _float, floats=True),
        Peer("int8-dense-c", "int8_dense.h.j2", _dense),
        Peer("csr-textbook", "csr_textbook.h.j2", _csr, simplified=True, optimise=("-O3", "-fno-unroll-loops")),
        Peer("emlearn", "emlearn.h.j2", _float, floats=True, package=EMLEARN),
    )
}
