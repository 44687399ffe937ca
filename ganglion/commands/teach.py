from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ganglion.hil.environments import file_name

from ..extras import require_extra
from .training_options import resolve_training_env

if TYPE_CHECKING:
    from ganglion.trainer.teach import TeachingProtocol


@dataclass
class Teach:
    """Train a dense teacher by proximal policy optimisation, in less than an hour, for `distil` and `limit`.

    Stopped at any moment, the same command goes on from its last evaluation. `train --preset teacher` is the slower
    way, by soft actor-critic.
    """

    env: str
    """Environment with continuous actions, such as Walker2d or Ant-v5."""
    steps: int = 3_000_000
    """Environment steps."""
    gamma: float | None = None
    """Discount; by default 0.99, for Swimmer 0.9999, without which it does not learn to swim."""
    widths: tuple[int, ...] = (256, 256)
    """Neurons of the hidden layers."""
    learning_rate: float = 3e-4
    """Step size of Adam at the start; it falls linearly to 0."""
    seed: int = 0
    """Seed of everything random."""
    folder: Path | None = None
    """Where checkpoints and the teacher go; by default runs/<environment>-teacher-ppo-<seed>,
    where `distil` and `limit` find it."""

    def run(self) -> int:
        """Train to the end."""
        protocol = self._protocol()
        from ganglion.trainer.teach import teach

        folder = self.folder or Path("runs", f"{file_name(protocol.env_id)}-teacher-ppo-{protocol.seed}")
        teacher = teach(protocol, folder)
        returns = teacher.about["returns"]["float"]
        said = f"return {returns['mean']:,.1f} ± {returns['std']:,.1f}, worst {returns['min']:,.1f}"
        path = folder / "teacher.safetensors"
        Console().print(f"finished: {path}: {said}, {returns['episodes']} episodes", highlight=False, soft_wrap=True)
        return 0

    def _protocol(self) -> TeachingProtocol:
        require_extra("train", "torch", "stable_baselines3")
        from ganglion.trainer.environments import usual_gamma
        from ganglion.trainer.teach import TeachingProtocol

        env_id = resolve_training_env(self.env)
        gamma = usual_gamma(env_id) if self.gamma is None else self.gamma
        return TeachingProtocol(
            env_id, self.seed, self.steps, self.widths, gamma=gamma, learning_rate=self.learning_rate
        )
