"""The tanh of docs/numerics.md as signed segments, for tables in logic."""

from __future__ import annotations

from ganglion.codegen import arithmetic
from ganglion.codegen.policy import Policy

SEGMENTS = 64
"""Segments on each side of zero; those beyond the 32nd are flat."""


def tanh_segments() -> list[tuple[int, int]]:
    """Node and slope of the segments 0 to 63, then -64 to -1: mirrored at zero, flat beyond the table.

    With k = floor(z / 2**f) and r = z mod 2**f the action code is node[k] + floor((slope[k] * r + h) / 2**f), where
    h is 2**(f-1), and one less for negative z, since the law rounds the magnitude.
    """
    table = [int(node) for node in arithmetic.tanh_table()]
    nodes = [table[min(k, arithmetic.TANH_SEGMENTS)] for k in range(SEGMENTS + 1)]
    slopes = [right - left for left, right in zip(nodes, nodes[1:], strict=False)]
    lower = zip((-node for node in nodes[:0:-1]), reversed(slopes), strict=True)
    return [*zip(nodes[:-1], slopes, strict=True), *lower]


def fraction_bits(policy: Policy) -> int:
    """Bits of a head code below a segment."""
    return arithmetic.TANH_SEGMENT_EXPONENT - policy.layers[-1].output_exponent
