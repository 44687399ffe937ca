"""What to try next. A function of the results alone, so that a search that was stopped goes on where it was.

1. A ladder of short runs, each with half the weights of the one before, down to the first rungs that fail.
2. Bisection between the last rung that passes and the first that fails: short first, then long with several seeds.
   Where long runs are polished, those rungs that fail are run for long first, down to one that fails still, and the
   bisection has no short runs: imitation alone does not reach so far.
3. With the weights found: a clipped head in place of a tanh, which takes a table and its interpolation.
4. With the head found: fewer bits per weight, as long as that passes; then narrower layers.

Under a budget, price decides where the ladder and the bisection end, and the largest student that fits is run for long.
Then fewer bits make room for more weights.

A point passes when the best of its seeds does. Searching by seed luck is legitimate, as the winner is measured again on
seeds that it was not chosen by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..teacher import Teacher
from .points import Goal, Point, Result

SMALLEST = 8  # weights; below that there is no way from observations through two layers to actions
RUNGS_AT_ONCE = 2

Verdicts = dict[Point, Result]


def propose(goal: Goal, teacher: Teacher, results: Sequence[Result]) -> list[Point]:
    """Points worth running now, most useful first; none when the search is over. They do not depend on each other."""
    return _Search(goal, teacher, results).next_points()


def passes(goal: Goal, result: Result) -> bool:
    """Whether a result reaches the goal: return kept, or budget met; on a part that has room for it."""
    affordable = goal.affordable(result.price) is not None
    return affordable and (goal.has_budget or result.share >= goal.keep)


def winner(goal: Goal, results: Sequence[Result]) -> Result | None:
    """The cheapest result that keeps the share, or the best one within the budget; None where there is none."""
    good = [result for result in results if passes(goal, result)]
    if goal.has_budget:
        return max(good, key=lambda result: result.share, default=None)
    return min(good, key=lambda result: (result.price.of(goal.unit), -result.share), default=None)


class _Search:
    def __init__(self, goal: Goal, teacher: Teacher, results: Sequence[Result]) -> None:
        self.goal, self.weights, self.squash = goal, teacher.weights, teacher.squash
        self.known: Verdicts = {result.point: result for result in results}

    def next_points(self) -> list[Point]:
        """The first stage that is not finished says what comes next."""
        for stage in (
            self._ladder,
            self._polished,
            self._bisection,
            self._settle,
            self._head,
            self._bits,
            self._widths,
        ):
            points = stage()
            if points:
                return points
        return []

    def _good(self, result: Result) -> bool:
        return passes(self.goal, result)

    def _large(self, result: Result) -> bool:
        """Whether the limit lies below this result: it keeps the return, it is above the budget, or there is no room
        for it."""
        return self._good(result) != self.goal.has_budget or not result.price.exists

    def _rungs(self) -> Iterator[Point]:
        nonzeros = self.goal.start * self.weights
        while nonzeros >= SMALLEST:
            yield Point(round(nonzeros), 8, None, self.goal.short_updates, 0)
            nonzeros /= 2

    def _ladder(self) -> list[Point]:
        """Rungs from the top until two in a row lie below the limit, or one lies hopelessly so or is to be polished."""
        wanted: list[Point] = []
        below = 0
        for rung in self._rungs():
            result = self.known.get(rung)
            if result is None:
                wanted.append(rung)
                if len(wanted) == RUNGS_AT_ONCE:
                    break
                continue
            below = 0 if self._large(result) else below + 1
            if below == 2 or (below and (self._polishes or self._hopeless(result))):
                break
        return wanted

    def _hopeless(self, result: Result) -> bool:
        return self.goal.has_budget or result.share < self.goal.keep - self.goal.hopeless

    @property
    def _polishes(self) -> bool:
        """Whether long runs reach below what imitation alone does."""
        return self.goal.polish is not None and not self.goal.has_budget

    def _polished(self) -> list[Point]:
        """Long runs of the rungs below all that pass, until one does not pass either."""
        if not self._polishes:
            return []
        passing = [size for size in self._plain_sizes() if self._above(size)]
        for rung in self._rungs():
            if rung.nonzeros < min(passing, default=rung.nonzeros + 1):
                return self._missing(replace(rung, updates=self.goal.long_updates))
        return []

    def _bisection(self) -> list[Point]:
        small, large = self._bracket()
        if large is None or small is None or large / small <= self.goal.resolution:
            return []
        middle = round((small * large) ** 0.5)
        short = Point(middle, 8, None, self.goal.short_updates, 0)
        if short not in self.known and not self._polishes:
            return [short]
        return self._missing(replace(short, updates=self.goal.long_updates))

    def _bracket(self) -> tuple[int | None, int | None]:
        """Weights of the largest point below the limit and of the smallest above it, by what was settled."""
        large = small = None
        for size in self._plain_sizes():
            above = self._above(size)
            if above:
                large = size
            elif above is False:
                small = size
                break
        return small, large

    def _plain_sizes(self) -> list[int]:
        return sorted({point.nonzeros for point in self.known if self._is_plain(point)}, reverse=True)

    def _above(self, size: int) -> bool | None:
        """Whether the limit lies below `size`; None while that is open."""
        group = [result for point, result in self.known.items() if self._is_plain(point) and point.nonzeros == size]
        if any(self._large(result) for result in group):
            return True
        long = sum(result.point.updates == self.goal.long_updates for result in group)
        given_up = any(self._hopeless(result) for result in group) or self._is_rung(size)
        settled = long == self.goal.seeds or (given_up and not self._polishes)
        return False if settled else None

    def _is_plain(self, point: Point) -> bool:
        return point.weight_bits == 8 and point.width is None and not point.clip_head

    def _is_rung(self, size: int) -> bool:
        return any(rung.nonzeros == size for rung in self._rungs())

    def _missing(self, point: Point) -> list[Point]:
        return [candidate for candidate in self._seeds(point) if candidate not in self.known]

    def _seeds(self, point: Point) -> list[Point]:
        return [replace(point, seed=seed) for seed in range(self.goal.seeds)]

    def _best(self, fits: Callable[[Point], bool]) -> Result | None:
        return winner(self.goal, [result for point, result in self.known.items() if fits(point)])

    def _settle(self) -> list[Point]:
        """Long runs of the largest student within the budget, which short runs have found."""
        fitting = [point for point, result in self.known.items() if self._is_plain(point) and self._good(result)]
        if not self.goal.has_budget or not fitting:
            return []
        largest = max(point.nonzeros for point in fitting)
        return self._missing(Point(largest, 8, None, self.goal.long_updates, 0))

    def _head(self) -> list[Point]:
        base = self._best(self._is_plain)
        if base is None or self.squash == "clip" or not self.goal.clip_head:
            return []
        return self._descend(base.point, "clip_head", (True,))

    def _bits(self) -> list[Point]:
        base = self._best(lambda point: point.weight_bits == 8 and point.width is None)
        if base is None:
            return []
        if self.goal.has_budget:
            return self._bits_within_budget(base)
        return self._descend(base.point, "weight_bits", self.goal.weight_bits)

    def _bits_within_budget(self, base: Result) -> list[Point]:
        """Of each number of bits the most weights that fit, run for long, as long as that keeps more of the return."""
        for bits in self.goal.weight_bits:
            points = self._fill(base.point, bits)
            if points:
                return points
            found = self._best(lambda point, bits=bits: point.weight_bits == bits)
            if found is None or found.share <= base.share:
                return []
            base = found
        return []

    def _fill(self, base: Point, bits: int) -> list[Point]:
        """What is still to be run to know the most weights of fewer `bits` within the budget, and what they keep."""
        fits, over = base.nonzeros, round(base.nonzeros * base.weight_bits / bits)
        while over / fits > self.goal.resolution:
            middle = round((fits * over) ** 0.5)
            short = replace(base, nonzeros=middle, weight_bits=bits, updates=self.goal.short_updates, seed=0)
            if short not in self.known:
                return [short]
            fits, over = (middle, over) if self._good(self.known[short]) else (fits, middle)
        if fits == base.nonzeros:
            return []
        return self._missing(replace(base, nonzeros=fits, weight_bits=bits, updates=self.goal.long_updates))

    def _widths(self) -> list[Point]:
        base = self._best(lambda point: point.width is None)
        if base is None or self.goal.has_budget:
            return []
        live = max(base.shape[1:-1], default=0)
        return self._descend(base.point, "width", tuple(max(1, round(share * live)) for share in self.goal.widths))

    def _descend(self, base: Point, name: str, values: tuple) -> list[Point]:
        """Long runs of `base` with one value after the other, until one does not pass; all seeds where the best of them
        counts, and otherwise no more than one that passes."""
        for value in values:
            point = replace(base, updates=self.goal.long_updates, **{name: value})
            missing = self._missing(point)
            done = [self.known[seed] for seed in self._seeds(point) if seed in self.known]
            passes_already = any(map(self._good, done))
            if missing and (self.goal.has_budget or not passes_already):
                return missing
            if not passes_already:
                break
        return []
