"""Who is beaten by nobody: at least as good in return and in price, and better in one of them."""

from __future__ import annotations

from collections.abc import Sequence

from .points import Result


def pareto_front(results: Sequence[Result], unit: str) -> list[Result]:
    """The results of which no other has both a higher share and a lower price in `unit`, cheapest first."""
    front: list[Result] = []
    for result in sorted(results, key=lambda r: (r.prices[unit], -r.share)):
        if not front or result.share > front[-1].share:
            front.append(result)
    return front
