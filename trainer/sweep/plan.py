"""Which runs a sweep is made of: environments x sparsities x integers or not x seeds, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from ..checkpoint import list_checkpoints
from ..protocol import Protocol, check_protocol
from ..result import read_result

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
    beginning itself: it trains up to that step and ends without a result."""

    name: str
    protocol: Protocol
    folder: Path
    beginning: Run | None = None
    stop_before: int | None = None

    @property
    def finished(self) -> bool:
        """Whether what it is for lies on disk."""
        if self.stop_before is not None:
            return any(int(path.name[5:]) >= self.steps for path in list_checkpoints(self.folder))
        return read_result(self.folder) is not None

    @property
    def steps(self) -> int:
        """Environment steps at its end."""
        return self.protocol.total_steps if self.stop_before is None else self.stop_before - 1


def plan_runs(axes: Axes, make_protocol: MakeProtocol, root: Path) -> list[Run]:
    """The runs in the order in which they are started, checked; `make_protocol` gives an environment's protocol."""
    runs: list[Run] = []
    for env_id, seed in product(axes.env_ids, axes.seeds):
        base = replace(make_protocol(env_id), seed=seed)
        folder = root / env_id.replace("/", "-")
        beginning = _beginning(base, folder) if axes.share_dense else None
        runs += [beginning] if beginning else []
        for sparsity, quantised in _points(axes):
            protocol = replace(base, sparsity=sparsity, quantised=quantised)
            check_protocol(protocol)
            name = f"{'dense' if not sparsity else f's{sparsity:g}'}-{'int' if quantised else 'float'}-seed{seed}"
            runs.append(Run(f"{env_id} {name}", protocol, folder / name, beginning))
    return runs


def _points(axes: Axes) -> Sequence[tuple[float, bool]]:
    return list(dict.fromkeys([(0.0, False), *product((0.0, *axes.sparsities), axes.quantised)]))


def _beginning(base: Protocol, folder: Path) -> Run:
    protocol = replace(base, sparsity=0.0, quantised=False)
    name = f"beginning-seed{base.seed}"
    return Run(f"{base.env_id} {name}", protocol, folder / name, stop_before=protocol.schedule.start)
