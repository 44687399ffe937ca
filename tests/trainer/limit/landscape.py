"""Landscapes that a search can be run on without training: prices and results by formula."""

from types import SimpleNamespace

from ganglion.trainer.limit import DesignPrice, Goal, KernelPrice, Point, Price, Result
from ganglion.trainer.limit.proposal import propose

TANH = SimpleNamespace(weights=70_000, squash="tanh")
CLIP = SimpleNamespace(weights=70_000, squash="clip")


def price_of(nonzeros: int, bits: int = 8, table_bytes: int = 0) -> Price:
    """A fast kernel that takes much flash, and a small one that takes its time."""
    small = -(-nonzeros * bits // 8) + table_bytes
    return Price(
        nonzeros, (KernelPrice("fast", 2 * nonzeros, 4 * nonzeros), KernelPrice("small", 50 * nonzeros, small))
    )


def logic_of(nonzeros: int, bits: int = 8) -> Price:
    """A small design and a fast one, which is too large for its part from 1,000 weights on."""
    luts = nonzeros * bits
    return Price(
        nonzeros, designs=(DesignPrice("slow", 30 * nonzeros, 400, True), DesignPrice("fast", 90, luts, luts < 8_000))
    )


def result_of(point: Point, share: float) -> Result:
    price = price_of(point.nonzeros, point.weight_bits, 0 if point.clip_head else 66)
    return Result(point, share, share, share, 0.0, (11, 40, 30, 3), price, 1.0)


def explore(goal: Goal, share_of, taught_by=CLIP, at_once: int | None = None) -> list[Result]:
    """Run the search on a landscape, one batch of proposals (the first `at_once` of it) after the other."""
    results: list[Result] = []
    for _ in range(100):
        points = propose(goal, taught_by, results)
        if not points:
            return results
        assert len(set(points)) == len(points) and not {result.point for result in results} & set(points)
        results += [result_of(point, share_of(point)) for point in points[:at_once]]
    raise AssertionError("the search does not end")


def cliff(smallest: int, bits: int, width: int = 0):
    """Students above all three bounds keep everything; below, the share falls with the weights that are missing."""

    def share_of(point: Point) -> float:
        enough = point.weight_bits >= bits and (point.width or 256) >= width
        return 1.0 if enough and point.nonzeros >= smallest else 0.9 * min(1.0, point.nonzeros / smallest)

    return share_of
