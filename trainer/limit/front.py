"""Who is beaten by nobody: at least as good in return and in price, and better in one of them."""

from __future__ import annotations

from collections.abc import Sequence

from .points import Result
from .pricing import Unit


def pareto_front(results: Sequence[Result], unit: Unit) -> list[Result]:
    """The results of which no other has both a higher share and a lower price in `unit`, cheapest first."""
    front: list[Result] = []
    for result in sorted(results, key=lambda r: (r.price.of(unit), -r.share, r.point.name)):
        if not front or result.share > front[-1].share:
            front.append(result)
    return front


def fronts(results: Sequence[Result], units: tuple[Unit, Unit] = ("cycles", "bytes")) -> list[Result]:
    """The results on the front against time or against space, in their `units`, least space first."""
    time, space = units
    members = {result.point: result for unit in units for result in pareto_front(results, unit)}
    return sorted(members.values(), key=lambda r: (r.price.of(space), r.price.of(time), r.point.name))
