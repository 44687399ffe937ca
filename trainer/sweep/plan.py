"""Which runs a sweep is made of: environments x sparsities x integers or not x seeds, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from ganglion.hil.environments import file_name

from ..checks import check_protocol, check_run
from ..protocol import Protocol, ProtocolError, shortest
from ..storage.checkpoint import list_checkpoints
from ..storage.folder import FolderError, check_place, check_writable, owns
from ..storage.names import checkpoint_step
from ..storage.result import Result, ResultError, read_result

MakeProtocol = Callable[[str], Protocol]


@dataclass(frozen=True)
class Axes:
    """What is varied. Every sweep has its dense float32 baseline, of as many steps, whatever `sparsities` say.

    `quantised` holds True for runs that end in integers, False for runs that stay in float. With `share_dense` the runs
    of a seed begin with one and the same dense training, which saves time and makes them correlate.
    """

    env_ids: tuple[str, ...]
    sparsities: tuple[float, ...]
    quantised: tuple[bool, ...]
    seeds: tuple[int, ...]
    share_dense: bool = False


@dataclass(frozen=True)
class Run:
    """One training process. `beginning` is the run whose checkpoint it starts with; `stop_before` is set for a
    beginning itself: it trains up to the rollout in which that step lies and ends without a result."""

    name: str
    protocol: Protocol
    folder: Path
    beginning: Run | None = None
    stop_before: int | None = None

    @property
    def result(self) -> Result | None:
        """What its folder holds; None where that is not finished, damaged, or another protocol's."""
        with suppress(ResultError, FolderError):
            return self.read()
        return None

    def read(self) -> Result | None:
        """`result`, with a ResultError for one that is damaged and a FolderError for one of another run."""
        if self.stop_before is not None or not owns(self.folder, self.protocol.described):
            return None
        return read_result(self.folder, self.protocol)

    @property
    def finished(self) -> bool:
        """Whether what it is for lies on disk; of a beginning the names of its checkpoints tell."""
        if self.stop_before is None:
            return self.result is not None
        trained = [checkpoint_step(path.name) for path in list_checkpoints(self.folder)]
        return owns(self.folder, self.protocol.described) and any(step >= self.steps for step in trained)

    @property
    def steps(self) -> int:
        """Environment steps at its end."""
        return self.protocol.total_steps if self.stop_before is None else self.protocol.last_rollout(self.stop_before)


def plan_runs(axes: Axes, make_protocol: MakeProtocol, root: Path) -> list[Run]:
    """The runs in the order in which they are started; `make_protocol` gives an environment's protocol.

    All are checked before any starts: FolderError where `root` cannot be written or a folder in it is another
    protocol's, and what `train` raises for a run that it refuses.
    """
    runs: list[Run] = []
    for env_id, seed in product(dict.fromkeys(axes.env_ids), dict.fromkeys(axes.seeds)):
        base = replace(make_protocol(env_id), seed=seed)
        folder = root / file_name(env_id)
        beginning = _beginning(base, folder) if axes.share_dense else None
        runs += [beginning] if beginning else []
        for sparsity, quantised in _points(axes):
            protocol = replace(base, sparsity=sparsity, quantised=quantised)
            name = (
                f"{'dense' if not sparsity else f's{shortest(sparsity)}'}-{'int' if quantised else 'float'}-seed{seed}"
            )
            runs.append(Run(f"{env_id} {name}", protocol, folder / name, beginning))
    _check(runs, root)
    return runs


def _points(axes: Axes) -> Sequence[tuple[float, bool]]:
    return list(dict.fromkeys([(0.0, False), *product((0.0, *axes.sparsities), axes.quantised)]))


def _beginning(base: Protocol, folder: Path) -> Run:
    protocol = replace(base, sparsity=0.0, quantised=False)
    name = f"beginning-seed{base.seed}"
    return Run(f"{base.env_id} {name}", protocol, folder / name, stop_before=protocol.schedule.start)


def _check(runs: Sequence[Run], root: Path) -> None:
    check_writable(root)
    for run in runs:
        check_protocol(run.protocol)
        check_place(run.folder, run.protocol.described)
        with suppress(ResultError):
            run.read()
    for protocol in dict.fromkeys(replace(run.protocol, seed=0) for run in runs if not run.finished):
        check_run(protocol)
    for run in runs:
        if run.stop_before is not None and run.steps < 1:
            raise ProtocolError(
                f"{run.name}: pruning starts at step {run.stop_before} (prune_start {run.protocol.prune_start:g} of "
                f"{run.protocol.steps:,} steps), so there is no dense beginning to share; raise prune_start or leave "
                "--share-dense out"
            )
