"""Block RAM that the memories of a design take, from their shapes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BlockRam:
    """What one block RAM of a family can be: (words, bits) pairs; memories below `least_bits` become logic."""

    shapes: tuple[tuple[int, int], ...]
    least_bits: int

    def blocks(self, words: int, bits: int) -> int:
        """Blocks for a memory of `words` words of `bits` bits, by the shape that takes the fewest."""
        if words * bits < self.least_bits:
            return 0
        return min(-(-words // depth) * -(-bits // width) for depth, width in self.shapes)


# Lattice FPGA-TN-02002 (iCE40 memory usage guide) and FPGA-TN-02204 (ECP5 memory usage guide).
BLOCK_RAMS = {
    "ice40": BlockRam(((256, 16), (512, 8), (1024, 4), (2048, 2)), 1024),
    "ecp5": BlockRam(((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)), 2048),
}
