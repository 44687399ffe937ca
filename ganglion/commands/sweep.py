from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.live import Live

from ..errors import UsageError
from ..extras import require_extra
from .engine_options import EngineOptions
from .sweep_progress import Lines, picture
from .training_options import Flat, TrainingOptions, resolve_training_env

if TYPE_CHECKING:
    from ganglion.trainer.sweep import Outcome, Run

_PAPER_SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
_SMALL_SPARSITIES = (0.5, 0.9, 0.98)


class SweepError(RuntimeError):
    """Some runs of a sweep failed."""


@dataclass
class Sweep:
    """Train actors of many sparsities and draw reward against sparsity, the published values beside it.

    One process per core and run. Stopped at any moment, the same command goes on; runs that failed are tried again.
    """

    env: tuple[str, ...]
    """Environments, such as Hopper Walker2d."""
    how: Annotated[TrainingOptions, Flat] = field(default_factory=TrainingOptions)
    sparsities: tuple[float, ...] | None = None
    """Shares of zero weights; by default the paper's, or three for the small preset. Dense is always among them."""
    seeds: tuple[int, ...] | None = None
    """Seeds of everything random; by default 0 1 2, or 0 1 for the small preset."""
    quantised: bool = True
    """Runs that end in integers."""
    in_float: Annotated[bool, tyro.conf.arg(name="float")] = True
    """Runs, as long, that stay in float32. The dense float32 baseline is run in any case."""
    share_dense: bool = False
    """Train the dense beginning once for all sparsities of a seed; they correlate then, and the figure says so."""
    where: Annotated[EngineOptions, Flat] = field(default_factory=EngineOptions)
    draw: bool = False
    """Draw what is there and train nothing."""
    out: Path = Path("runs/sweep")
    """Folder of runs and figures."""

    def run(self) -> int:
        """Train what is missing, then draw."""
        require_extra("sweep", "rliable")
        self.where.check()
        if self.how.preset == "teacher":
            raise UsageError("--preset teacher is dense and float, a sweep varies sparsity; use paper, fast or fastest")
        if not (self.quantised or self.in_float):
            raise UsageError("at least one of --quantised and --float is needed")
        runs = self._plan()
        outcome = self._drawn(runs) if self.draw else self._train(runs)
        console = Console()
        for path in self._draw(runs, outcome):
            console.print(str(path), highlight=False, soft_wrap=True)
        if outcome.failed:
            told = "; ".join(f"{name}: {error}" for name, error in outcome.failed.items())
            raise SweepError(f"{len(outcome.failed)} of {len(runs)} runs failed (log.txt in their folders): {told}")
        return 0

    def _plan(self) -> list[Run]:
        env_ids = tuple(resolve_training_env(name) for name in self.env)
        small = all(self.how.preset_for(env_id) == "small" for env_id in env_ids)
        kinds = (False,) * self.in_float + (True,) * self.quantised
        from ganglion.trainer.sweep import Axes, plan_runs

        axes = Axes(
            env_ids,
            self.sparsities or (_SMALL_SPARSITIES if small else _PAPER_SPARSITIES),
            kinds,
            self.seeds or ((0, 1) if small else (0, 1, 2)),
            self.share_dense,
        )
        return plan_runs(axes, self.how.protocol, self.out.resolve())

    def _train(self, runs: Sequence[Run]) -> Outcome:
        from ganglion.trainer.sweep import sweep
        from ganglion.trainer.sweep.worker import work

        console = Console(markup=False, highlight=False, soft_wrap=True)
        if not console.is_interactive:
            return sweep(runs, self.where.engine(work, isolated=True), Lines(console.print))
        with Live(transient=True, refresh_per_second=2) as live:
            return sweep(runs, self.where.engine(work, isolated=True), lambda states: live.update(picture(states)))

    def _drawn(self, runs: Sequence[Run]) -> Outcome:
        from ganglion.trainer.storage.result import ResultError
        from ganglion.trainer.sweep import Outcome

        results = []
        for run in runs:
            try:
                results += [result] if (result := run.read()) else []
            except ResultError as error:
                print(f"{run.name} is not drawn: {error}; without --draw it is finished again")
        if not results:
            raise UsageError(f"{self.out} holds no finished run of this sweep; leave --draw out to train")
        return Outcome(results)

    def _draw(self, runs: Sequence[Run], outcome: Outcome) -> list[Path]:
        from ganglion.trainer.sweep.figure import aggregate, draw

        networks = {run.protocol.env_id: getattr(run.protocol, "network", "mlp") for run in runs}
        points = aggregate(outcome.results)
        env_ids = sorted({point.env_id for point in points})
        return [path for env_id in env_ids for path in draw(points, env_id, self.out, networks[env_id])]
