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
    from ganglion.trainer.limit import Limit as Found
    from ganglion.trainer.limit import Point, Result


@dataclass
class Limit:
    """Find the smallest sparse integer student that keeps a share of its teacher's return.

    Stopped at any moment, the same command goes on from its folder.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    keep: float = 0.95
    """Share of the teacher's return to keep."""
    unit: Literal["nonzeros", "bytes"] = "nonzeros"
    """What is to be small: weights that are not zero, or bytes of data (weights, indices, biases, tables; no code)."""
    budget: float | None = None
    """Instead of --keep: the best return at no more than this, in units of --unit."""
    out: Path | None = None
    """Folder of the search; by default runs/limit-<environment>."""
    workers: int = 2
    """Students that are distilled at the same time, one core each."""
    updates: int = 32_000
    """Gradient steps of a long run."""
    seeds: int = 2
    """Seeds of a long run; the best one counts."""

    def run(self) -> int:
        """Search, show the front as it grows, write the smallest actor."""
        from ganglion.trainer.limit import Goal, limit

        if self.workers < 1:
            raise UsageError(f"--workers {self.workers}; at least 1 is needed")
        teacher = self.which.read()
        goal = Goal(keep=self.keep, budget=self.budget, long_updates=self.updates, seeds=self.seeds)
        folder = self.out or Path("runs", f"limit-{teacher.env_id.replace('/', '-')}")
        with Live(transient=True) as live:
            found = limit(
                teacher,
                goal,
                folder,
                lambda results, running: live.update(_picture(results, self.unit, running)),
                unit=self.unit,
                workers=self.workers,
            )
        _tell(found, self.unit)
        return 0


def _picture(results: Sequence[Result], unit: str, running: Sequence[Point] = ()) -> Group:
    from ganglion.trainer.limit.front import pareto_front

    table = Table(title=f"Pareto front of {len(results)} students", title_justify="left")
    for name in ("weights", "bytes of data", "bits", "network", "of the teacher", "95 % interval", "worst episode"):
        table.add_column(name, justify="right")
    for result in pareto_front(results, unit):
        table.add_row(
            f"{result.prices['nonzeros']:,}",
            f"{result.prices['bytes']:,}",
            str(result.point.weight_bits),
            "-".join(map(str, result.shape)),
            f"{result.share:.1%}",
            f"{result.low:.1%} to {result.high:.1%}",
            f"{result.worst:,.1f}",
        )
    return Group(table, Text("".join(f"running {point.name}\n" for point in running).rstrip()))


def _tell(found: Found, unit: str) -> None:
    verdict, smallest = found.verdict, found.smallest
    console = Console()
    console.print(_picture(found.results, unit))
    console.print(
        f"{found.path}: {smallest.nonzeros:,} weights, {smallest.prices['bytes']:,} bytes of data; the best of "
        f"{len(found.results)} students, measured again on {len(verdict.student)} seeds that it was not chosen by: "
        f"{verdict.share:.1%} of the teacher's return ({verdict.low:.1%} to {verdict.high:.1%}), "
        f"worst episode {verdict.worst:,.1f}, the teacher's {min(verdict.teacher):,.1f}; "
        f"{sum(result.minutes for result in found.results):.0f} processor minutes in all",
        highlight=False,
        soft_wrap=True,
    )
