from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..errors import UsageError
from .distil_options import Flat, TeacherOptions

if TYPE_CHECKING:
    from ganglion.trainer.limit import Goal, Point, Result
    from ganglion.trainer.limit import Limit as Found


@dataclass
class Limit:
    """Find the smallest sparse integer student that keeps a share of its teacher's return, or the best within a budget.

    Every student is compiled: cycles and bytes are those of its kernels. The front grows in the folder of the search
    (front.json, front.svg, front.png). Stopped at any moment, the same command goes on from there.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    keep: float = 0.95
    """Share of the teacher's return to keep."""
    unit: Literal["bytes", "cycles", "nonzeros"] = "bytes"
    """What is to be small: bytes of the smallest kernel (code and tables included), cycles of the fastest kernel, or
    weights that are not zero."""
    max_cycles: int | None = None
    """Instead of --keep: the best return of a kernel that takes at most so many cycles."""
    max_flash: int | None = None
    """Instead of --keep: the best return of a kernel that takes at most so many bytes; with --max-cycles, the same
    kernel meets both."""
    core: str = "cortex-m4"
    """Core that cycles and bytes are for."""
    start: float = 0.04
    """Share of its weights that the first and largest student keeps."""
    minutes: float = 30.0
    """No student is begun after this many minutes of work on every worker."""
    out: Path | None = None
    """Folder of the search; by default runs/limit-<environment>."""
    workers: int = 2
    """Students that are distilled at the same time, one core each."""
    updates: int = 32_000
    """Gradient steps of a long run; short ones take a quarter."""
    seeds: int = 2
    """Seeds of a long run; the best one counts, and is measured again on fresh seeds."""

    def run(self) -> int:
        """Search, show the front as it grows, write the actor that was found."""
        from ganglion.kernel_prices import Compiled
        from ganglion.trainer.limit import limit

        if self.workers < 1:
            raise UsageError(f"--workers {self.workers}; at least 1 is needed")
        goal = self._goal()
        price = Compiled(goal.core)
        teacher = self.which.read()
        folder = self.out or Path("runs", f"limit-{teacher.env_id.replace('/', '-')}")
        with Live(transient=True) as live:
            found = limit(
                teacher,
                goal,
                folder,
                price,
                lambda results, running: live.update(_picture(results, running)),
                workers=self.workers,
            )
        _tell(found, goal, folder)
        return 0

    def _goal(self) -> Goal:
        from ganglion.trainer.limit import Goal

        return Goal(
            keep=self.keep,
            max_cycles=self.max_cycles,
            max_bytes=self.max_flash,
            unit=self.unit,
            core=self.core,
            start=self.start,
            minutes=self.minutes,
            long_updates=self.updates,
            short_updates=max(1, self.updates // 4),
            seeds=self.seeds,
        )


def _picture(results: Sequence[Result], running: Sequence[Point] = ()) -> Group:
    from ganglion.trainer.limit.front import fronts

    table = Table(title=f"beaten by none of {len(results)} students, in bytes or in cycles", title_justify="left")
    for name in ("weights", "bits", "network", "bytes", "cycles", "of the teacher", "95 % interval", "worst episode"):
        table.add_column(name, justify="right")
    for result in fronts(results):
        small, fast = result.price.smallest, result.price.fastest
        table.add_row(
            f"{result.nonzeros:,}",
            str(result.point.weight_bits),
            "-".join(map(str, result.shape)),
            f"{small.bytes:,} ({small.kernel})",
            f"{fast.cycles:,} ({fast.kernel})",
            f"{result.share:.1%}",
            f"{result.low:.1%} to {result.high:.1%}",
            f"{result.worst:,.1f}",
        )
    return Group(table, Text("".join(f"running {point.name}\n" for point in running).rstrip()))


def _tell(found: Found, goal: Goal, folder: Path) -> None:
    verdict, price = found.verdict, found.chosen.price
    console = Console()
    console.print(_picture(found.results))
    lines = [
        f"{found.path}: {price.nonzeros:,} weights; "
        + "; ".join(f"{k.kernel} {k.cycles:,} cycles, {k.bytes:,} bytes" for k in sorted(price.kernels, key=_cycles)),
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


def _cycles(kernel) -> int:
    return kernel.cycles
