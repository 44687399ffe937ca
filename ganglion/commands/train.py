from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from ganglion.hil.environments import resolve_env_id

from ..extras import require_extra


@dataclass
class Train:
    """Train one actor: dense, then pruned, then quantised, by the published protocol. Goes on where it was stopped."""

    env: str
    """Environment, such as Hopper or Hopper-v4."""
    sparsity: float = 0.98
    """Share of the weights that end as zero."""
    steps: int = 1_000_000
    """Environment steps before quantised training, which adds a fifth."""
    seed: int = 0
    """Seed of everything random."""
    preset: Literal["paper", "fast", "teacher"] = "paper"
    """paper: as published; fast: the same with batches of 128; teacher: dense float, to be distilled."""
    gamma: float | None = None
    """Discount; by default the preset's (Swimmer is learned with 0.9999 only)."""
    folder: Path | None = None
    """Where checkpoints and the result go; by default runs/<env>-<preset>-<sparsity>-<seed>."""

    def run(self) -> int:
        """Train to the end."""
        require_extra("train", "torch", "stable_baselines3")
        from ganglion.trainer.protocol import paper, teacher
        from ganglion.trainer.train import train

        env_id = resolve_env_id(self.env)
        changes = {"steps": self.steps, "seed": self.seed} | ({} if self.gamma is None else {"gamma": self.gamma})
        if self.preset == "teacher":
            protocol = teacher(env_id, **changes)
        else:
            protocol = paper(env_id, self.sparsity, batch_size=128 if self.preset == "fast" else 256, **changes)
        name = f"{env_id}-{self.preset}-{protocol.sparsity:g}-{self.seed}"
        path = train(protocol, self.folder or Path("runs") / name)
        Console().print(f"finished: {path}", highlight=False, soft_wrap=True)
        return 0
