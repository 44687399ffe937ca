"""The trainer suite: gradient steps of soft actor-critic per second of processor time, all ways in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table
from stable_baselines3 import SAC

from ganglion.trainer.compression import Compression
from ganglion.trainer.environments import make_env
from ganglion.trainer.protocol import Protocol
from ganglion.trainer.recipes import RECIPES

_ENV = "HalfCheetah-v4"
_SPARSITY = 0.95
_WARM_UP_STEPS = 1_000
PLAIN = "stable-baselines3"


@dataclass(frozen=True)
class TrainerRow:
    """One way to train. `relative_speed` is against Stable-Baselines3, `overhead` of an update against the same
    network dense and in float; both by the fastest update, which other load on the machine disturbs least."""

    way: str
    batch_size: int
    update_ms: float
    updates_per_cpu_s: float
    relative_speed: float
    overhead: float | None

    def as_dict(self) -> dict[str, object]:
        """A flat row of bench.json."""
        return asdict(self)


def measure_trainer(rounds: int = 12, updates: int = 20) -> list[TrainerRow]:
    """Rows for each way; every round runs `updates` of each, one way after the other, on one thread."""
    torch.set_num_threads(1)
    ways = _ways()
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for way, (batch_size, train) in ways.items():
            best[way] = min(best[way], *(_processor_s(train, batch_size) for _ in range(updates)))
    dense = best["lean"]
    return [
        TrainerRow(
            way=way,
            batch_size=ways[way][0],
            update_ms=round(1e3 * seconds, 3),
            updates_per_cpu_s=round(1 / seconds, 1),
            relative_speed=round(best[PLAIN] / seconds, 3),
            overhead=round(seconds / dense - 1, 3) if way.startswith("lean, ") else None,
        )
        for way, seconds in best.items()
    ]


def _processor_s(train: Callable[..., None], batch_size: int) -> float:
    """Processor time of one update."""
    start = time.process_time()
    train(gradient_steps=1, batch_size=batch_size)
    return time.process_time() - start


def trainer_table(rows: list[TrainerRow]) -> Table:
    """The rows for people."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("way", "batch", "ms an update", "updates per processor second", "speed", "overhead"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for row in rows:
        overhead = "" if row.overhead is None else f"{row.overhead:+.1%}"
        speed = f"{row.relative_speed:.2f}x"
        table.add_row(
            row.way, str(row.batch_size), f"{row.update_ms:.2f}", f"{row.updates_per_cpu_s:.1f}", speed, overhead
        )
    return table


def _ways() -> dict[str, tuple[int, Callable[..., None]]]:
    paper = RECIPES["sac"].preset("paper", _ENV, sparsity=_SPARSITY, steps=10_000, learning_starts=5_000)
    return {
        PLAIN: (paper.batch_size, _plain(paper)),
        "lean": (paper.batch_size, _lean(paper)),
        "lean, masks": (paper.batch_size, _lean(paper, masks=True)),
        "lean, masks and integers": (paper.batch_size, _lean(paper, masks=True, integers=True)),
        "fast: smaller batch, masks": (128, _lean(replace(paper, batch_size=128), masks=True)),
        "fastest: smaller batch, masks": (64, _lean(replace(paper, batch_size=64), masks=True)),
    }


def _plain(protocol: Protocol) -> Callable[..., None]:
    """Stable-Baselines3's own, with its defaults and the protocol's weight decay."""
    decay = {"optimizer_kwargs": {"weight_decay": protocol.weight_decay}}
    env = make_env(protocol.env_id, 0)
    model = SAC("MlpPolicy", env, learning_starts=_WARM_UP_STEPS, buffer_size=_WARM_UP_STEPS, seed=0, device="cpu",
                policy_kwargs=decay)  # fmt: skip
    return model.learn(_WARM_UP_STEPS).train


def _lean(protocol: Protocol, masks: bool = False, integers: bool = False) -> Callable[..., None]:
    recipe = RECIPES[protocol.algorithm]
    model = recipe.new_model(protocol, make_env(protocol.env_id, 0))
    model.learn(_WARM_UP_STEPS)
    if masks:
        parts = recipe.parts(model)
        compression = Compression(protocol, parts, {})
        compression.init_callback(model)
        compression.prune(_SPARSITY)
        if integers:
            compression.quantise()
    return model.train
