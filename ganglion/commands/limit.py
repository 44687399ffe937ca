from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ganglion.hil.environments import file_name

from ..errors import UsageError
from ..extras import require_extra
from .distil_options import Flat, PolishOptions, TeacherOptions
from .engine_options import EngineOptions

if TYPE_CHECKING:
    from ganglion.trainer.distil import Settings
    from ganglion.trainer.limit import Goal, Point, Pricing, Result
    from ganglion.trainer.limit import Limit as Found
    from ganglion.trainer.limit.record import Record


@dataclass
class Limit:
    """Find the smallest sparse integer student that keeps a share of its teacher's return, or the best within a budget.

    Every student is compiled: cycles and bytes are those of its kernels; with --part, LUTs and nanoseconds are those of
    its logic. With --polish, students of long runs that do not keep the share by imitation are polished, under a budget
    all of them: fewer weights or more return, and much more time. The front grows in the folder of the search
    (front.json, front.svg, front.png). Stopped at any moment, the same command goes on from there.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    keep: float | None = None
    """Share of the teacher's return to keep; 0.95 where no budget is given."""
    unit: Literal["bytes", "cycles", "luts", "ns", "nonzeros"] | None = None
    """What is to be small: bytes of the smallest kernel (code and tables included), cycles of the fastest kernel, or
    weights that are not zero; with --part, look-up tables of the smallest design or nanoseconds of the fastest one. By
    default bytes, or look-up tables."""
    max_cycles: int | None = None
    """Instead of --keep: the best return of a kernel that takes at most so many cycles."""
    max_flash: int | None = None
    """Instead of --keep: the best return of a kernel that takes at most so many bytes; with --max-cycles, the same
    kernel meets both."""
    core: str = "cortex-m4"
    """Core that cycles and bytes are for."""
    part: str | None = None
    """FPGA instead of a core, as the board that carries it: icebreaker, ulx3s-25f, ulx3s-45f or ulx3s-85f."""
    max_luts: int | None = None
    """With --part, instead of --keep: the best return of a design that takes at most so many look-up tables."""
    max_ns: int | None = None
    """With --part, instead of --keep: the best return of a design that takes at most so many nanoseconds at the part's
    clock; with --max-luts, the same design meets both."""
    pattern: Literal["unstructured", "pairs", "neurons"] = "unstructured"
    """What is pruned together: single weights, two neighbouring inputs of a row, or whole neurons."""
    powers_of_two: bool = False
    """Allow only 0 and powers of two as weights: no multiplier in logic."""
    try_bits: tuple[int, ...] = (6, 5, 4, 3)
    """Bits of a weight to try, in this order, once the number of weights is found, until one does not pass."""
    try_widths: tuple[float, ...] = (0.75, 0.5)
    """Shares of the neurons that are alive then, to try as the most of a hidden layer, likewise."""
    start: float = 0.04
    """Share of its weights that the first and largest student keeps."""
    minutes: float = 30.0
    """No student is begun after this many minutes of work on every worker."""
    out: Path | None = None
    """Folder of the search; by default runs/limit-<environment>, with --polish runs/limit-<environment>-polished."""
    after: Annotated[PolishOptions, Flat] = field(default_factory=PolishOptions)
    where: Annotated[EngineOptions, Flat] = field(default_factory=EngineOptions)
    updates: int = 32_000
    """Gradient steps of a long run; short ones take a quarter."""
    seeds: int = 2
    """Seeds of a long run; the best one counts, and is measured again on fresh seeds."""

    def run(self) -> int:
        """Search, show the front as it grows, write the actor that was found."""
        require_extra("train", "torch", "stable_baselines3")
        from ganglion.trainer.limit import limit, make_student
        from ganglion.trainer.limit.record import Record

        self.where.check()
        self.after.check()
        price, teacher = self._price(), self.which.read()
        goal, folder = self._goal(teacher.env_id), self.out or Path("runs", self._name(teacher.env_id))
        with Live(transient=True) as live:
            found = limit(
                teacher,
                goal,
                folder,
                price,
                lambda results, running: live.update(_picture(goal, results, running, Record(folder))),
                self._base(),
                self.where.engine(make_student),
            )
        _tell(found, goal, folder)
        return 0

    def _price(self) -> Pricing:
        if self.part is None:
            from ganglion.kernel_prices import Compiled

            return Compiled(self.core)
        require_extra("hls", "da4ml")
        from ganglion.logic_prices import Designed

        return Designed(self.part)

    def _base(self) -> Settings:
        from ganglion.trainer.compression.calibration import BitWidths
        from ganglion.trainer.distil import Settings

        return Settings(pattern=self.pattern, bits=BitWidths(powers_of_two=self.powers_of_two))

    def _name(self, env_id: str) -> str:
        return f"limit-{file_name(env_id)}" + ("-polished" if self.after.polish else "")

    def _goal(self, env_id: str) -> Goal:
        from ganglion.trainer.limit import Goal

        goal = Goal(
            max_cycles=self.max_cycles,
            max_bytes=self.max_flash,
            unit=self.unit or ("luts" if self.part else "bytes"),
            core=self.core,
            part=self.part,
            max_luts=self.max_luts,
            max_ns=self.max_ns,
            weight_bits=self.try_bits,
            widths=self.try_widths,
            start=self.start,
            minutes=self.minutes,
            long_updates=self.updates,
            short_updates=max(1, self.updates // 4),
            seeds=self.seeds,
            polish=self.after.settings(env_id),
            **({} if self.keep is None else {"keep": self.keep}),
        )
        if goal.has_budget and self.keep is not None:
            raise UsageError(
                f"--keep {self.keep:g} and a budget were given: either the smallest student that keeps a share of the "
                "return is sought (--keep), or the best within a budget (--max-cycles and the like); leave one out"
            )
        return goal


def _picture(
    goal: Goal, results: Sequence[Result], running: Sequence[Point] = (), record: Record | None = None
) -> Group:
    from ganglion.trainer.limit.front import fronts
    from ganglion.trainer.limit.points import NAMES

    time, space = (NAMES[unit] for unit in goal.units)
    title = f"beaten by none of {len(results)} students, in {space} or in {time}" + (
        "; * polished" if goal.polish else ""
    )
    table = Table(title=title, title_justify="left")
    for name in ("weights", "bits", "network", space, time, "of the teacher", "95 % interval", "worst episode"):
        table.add_column(name, justify="right")
    for result in fronts(results, goal.units):
        small, fast = result.price.smallest, result.price.fastest
        table.add_row(
            f"{result.nonzeros:,}" + (" *" if result.polished else ""),
            str(result.point.weight_bits),
            "-".join(map(str, result.shape)),
            f"{small.space:,} ({small.name})",
            f"{fast.time:,} ({fast.name})",
            f"{result.share:.1%}",
            f"{result.low:.1%} to {result.high:.1%}",
            f"{result.worst:,.1f}",
        )
    return Group(table, Text("\n".join(_at_work(point, record) for point in running)))


def _at_work(point: Point, record: Record) -> str:
    """A student that is being made, and how far it is."""
    progress = record.progress(point)
    if progress is None:
        return f"running {point.name}"
    told = "" if progress.mean_return is None else f", return {progress.mean_return:,.1f}"
    return f"running {point.name}: {progress.phase} {progress.update:,} of {progress.updates:,}{told}"


def _tell(found: Found, goal: Goal, folder: Path) -> None:
    verdict, price = found.verdict, found.chosen.price
    console = Console()
    console.print(_picture(goal, found.results))
    lines = [
        f"{folder / found.path.name}: {price.nonzeros:,} weights; "
        + "; ".join(str(way) for way in sorted(price.ways, key=lambda way: way.time)),
        f"the best of {len(found.results)} students, measured again on {len(verdict.student)} seeds that it was not "
        f"chosen by: {verdict.share:.1%} of the teacher's return ({verdict.low:.1%} to {verdict.high:.1%}), worst "
        f"episode {verdict.worst:,.1f}, the teacher's {min(verdict.teacher):,.1f}",
        f"{_siblings(found)}; {sum(result.minutes for result in found.results):.0f} processor minutes in all; "
        f"{folder / 'front.svg'}",
    ]
    if found.out_of_time:
        lines.append(f"time was up after {goal.minutes:g} minutes; the same command with more --minutes goes on")
    if not goal.has_budget and verdict.share < goal.keep:
        lines.append(f"on fresh seeds it misses the {goal.keep:.1%} that it was chosen for; ask for a little more")
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _siblings(found: Found) -> str:
    """What other seeds of the same student gave: how much of the result is luck."""
    from dataclasses import replace

    point = found.chosen.point
    shares = [result.share for result in found.results if replace(result.point, seed=point.seed) == point]
    if len(shares) == 1:
        return "one seed of this student was run"
    return f"{len(shares)} seeds of this student: {min(shares):.1%} to {max(shares):.1%}"
