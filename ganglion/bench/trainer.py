"""The trainer suite: processor time of soft actor-critic, of gradient steps alone and of the whole loop, all ways in
one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table
from stable_baselines3 import SAC

from ganglion.trainer.compression.callback import Compression
from ganglion.trainer.environments import make_env
from ganglion.trainer.protocol import Protocol
from ganglion.trainer.recipes import RECIPES

_ENV = "HalfCheetah-v4"
_SPARSITY = 0.95
_WARM_UP_STEPS = 1_000
PLAIN = "stable-baselines3"


@dataclass(frozen=True)
class TrainerRow:
    """One way to train. `relative_speed` and `loop_speed` are against Stable-Baselines3, `overhead` of an update is
    against the same network dense and in float; all by the fastest measurement, which other load disturbs least. A step
    of the loop is one of the environment, its transition kept, and one update."""

    way: str
    batch_size: int
    update_ms: float
    updates_per_cpu_s: float
    relative_speed: float
    overhead: float | None
    step_ms: float
    loop_speed: float

    def as_dict(self) -> dict[str, object]:
        """A flat row of bench.json."""
        return asdict(self)


def measure_trainer(rounds: int = 12, updates: int = 20) -> list[TrainerRow]:
    """Rows for each way; every round runs `updates` of each and as many steps, one way after the other, on one
    thread."""
    torch.set_num_threads(1)
    ways = _ways()
    update, step = (dict.fromkeys(ways, float("inf")) for _ in range(2))
    for _ in range(rounds):
        for way, model in ways.items():
            update[way] = min(update[way], *(_processor_s(_train_once, model) for _ in range(updates)))
            step[way] = min(step[way], _processor_s(_go_on, model, updates) / updates)
    return [
        TrainerRow(
            way=way,
            batch_size=model.batch_size,
            update_ms=round(1e3 * update[way], 3),
            updates_per_cpu_s=round(1 / update[way], 1),
            relative_speed=round(update[PLAIN] / update[way], 3),
            overhead=round(update[way] / update["lean"] - 1, 3) if way.startswith("lean, ") else None,
            step_ms=round(1e3 * step[way], 3),
            loop_speed=round(step[PLAIN] / step[way], 3),
        )
        for way, model in ways.items()
    ]


def _processor_s(work: Callable[..., None], *arguments) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start


def _train_once(model: SAC) -> None:
    model.train(gradient_steps=1, batch_size=model.batch_size)


def _go_on(model: SAC, steps: int) -> None:
    model.learn(steps, reset_num_timesteps=False, log_interval=10**9)


def trainer_table(rows: list[TrainerRow]) -> Table:
    """The rows for people."""
    table = Table(box=SIMPLE_HEAD)
    headings = ("way", "batch", "ms an update", "per processor second", "speed", "overhead", "ms a step", "loop")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for row in rows:
        overhead = "" if row.overhead is None else f"{row.overhead:+.1%}"
        table.add_row(
            row.way,
            str(row.batch_size),
            f"{row.update_ms:.2f}",
            f"{row.updates_per_cpu_s:.1f}",
            f"{row.relative_speed:.2f}x",
            overhead,
            f"{row.step_ms:.2f}",
            f"{row.loop_speed:.2f}x",
        )
    return table


def _ways() -> dict[str, SAC]:
    def protocol(preset: str) -> Protocol:
        return RECIPES["sac"].preset(
            preset, _ENV, sparsity=_SPARSITY, steps=10_000, learning_starts=_WARM_UP_STEPS, buffer_size=_WARM_UP_STEPS
        )

    paper = protocol("paper")
    return {
        PLAIN: _plain(paper),
        "lean": _lean(paper),
        "lean, masks": _lean(paper, masks=True),
        "lean, masks and integers": _lean(paper, masks=True, integers=True),
        "fast: smaller batch, masks": _lean(protocol("fast"), masks=True),
        "fastest: smaller batch, masks": _lean(protocol("fastest"), masks=True),
    }


def _plain(protocol: Protocol) -> SAC:
    """Stable-Baselines3's own, with its defaults and the protocol's weight decay."""
    decay = {"optimizer_kwargs": {"weight_decay": protocol.weight_decay}}
    env = make_env(protocol.env_id, 0)
    model = SAC("MlpPolicy", env, learning_starts=_WARM_UP_STEPS, buffer_size=_WARM_UP_STEPS, seed=0, device="cpu",
                policy_kwargs=decay)  # fmt: skip
    return model.learn(_WARM_UP_STEPS)


def _lean(protocol: Protocol, masks: bool = False, integers: bool = False) -> SAC:
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
    return model
