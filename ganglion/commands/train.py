from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from rich.console import Console

from ganglion.hil.environments import file_name

from ..errors import UsageError
from .training_options import Flat, TrainingOptions

_USUAL = 0.98


@dataclass
class Train:
    """Train one actor: dense, then pruned, then quantised, by the published protocol. Goes on where it was stopped."""

    env: str
    """Environment, such as Hopper, Hopper-v5, CartPole or Pong; module:Id for one that a module of yours registers."""
    how: Annotated[TrainingOptions, Flat] = field(default_factory=TrainingOptions)
    sparsity: float | None = None
    """Share of the weights that end as zero, by default 0.98; 0 for a dense actor, as the preset teacher always is."""
    quantised: bool = True
    """End in integers, which the preset teacher never does; without, the run is as long and stays in float32 (a
    baseline of equal training)."""
    seed: int = 0
    """Seed of everything random."""
    folder: Path | None = None
    """Where checkpoints and the result go; by default runs/<env>-<preset>-<sparsity>-<seed>."""

    def run(self) -> int:
        """Train to the end."""
        protocol = self.how.protocol(self.env, seed=self.seed, **self._compression())
        from ganglion.trainer.protocol import shortest
        from ganglion.trainer.train import train

        kind = "" if protocol.quantised or self.how.preset == "teacher" else "-float"
        sparsity = shortest(protocol.sparsity)
        name = f"{file_name(protocol.env_id)}-{self.how.preset_for(protocol.env_id)}-{sparsity}{kind}-{self.seed}"
        folder = self.folder or Path("runs") / name
        result = train(protocol, folder)
        said = f"return {result.mean:,.1f} over {len(result.returns)} episodes"
        Console().print(f"finished: {folder / result.file}: {said}", highlight=False, soft_wrap=True)
        if result.file.endswith(".zip"):
            told = "a Stable-Baselines3 model: float and convolutional actors are not compiled yet"
            Console().print(told, highlight=False, soft_wrap=True)
        return 0

    def _compression(self) -> dict:
        """How the actor is compressed, where that is not the preset's to say."""
        if self.how.preset != "teacher":
            return {"sparsity": _USUAL if self.sparsity is None else self.sparsity, "quantised": self.quantised}
        if self.sparsity:
            raise UsageError(
                f"--sparsity {self.sparsity:g} with --preset teacher, which is dense; leave one out, or distil the "
                "teacher (ganglion distil)"
            )
        return {}
