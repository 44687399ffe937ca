from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console

from ..errors import UsageError
from .distil_options import Flat, TeacherOptions

if TYPE_CHECKING:
    from ganglion.trainer.teacher import Teacher


@dataclass
class Harden:
    """Train a teacher on with noise on its actions, so that it forgives a student's errors; for `distil` and `limit`.

    For policies that balance on a knife's edge: students that imitate them well fall all the same. Proximal policy
    optimisation, some 1,200 steps a second; stopped at any moment, the same command goes on from its last evaluation.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    deviation: float = 0.2
    """Deviation of the noise, of actions in [-1, 1]."""
    steps: int = 1_000_000
    """Environment steps."""
    learning_rate: float = 3e-4
    """Step size of Adam at the start; it falls linearly to 0."""
    gamma: float = 0.99
    """Discount of rewards."""
    seed: int = 0
    """Seed of everything random."""
    folder: Path | None = None
    """Where checkpoints and the teacher go; by default runs/<environment>-hardened-<seed>."""

    def run(self) -> int:
        """Train to the end, tell both returns."""
        teacher = self.which.read()
        from ganglion.trainer.harden import HardenSettings, harden

        if not 0 < self.deviation <= 1:
            raise UsageError(f"--deviation {self.deviation}; allowed: above 0, at most 1; 0.1 to 0.3 are usual")
        settings = HardenSettings(
            steps=self.steps,
            deviation=self.deviation,
            learning_rate=self.learning_rate,
            gamma=self.gamma,
        )
        folder = self.folder or Path("runs", f"{teacher.env_id}-hardened-{self.seed}".replace("/", "-"))
        console = Console()

        def report(step: int, mean_return: float) -> None:
            console.print(f"{teacher.env_id} step {step} return {mean_return:.1f}", highlight=False)

        _tell(console, folder / "teacher.safetensors", harden(teacher, settings, folder, self.seed, report))
        return 0


def _tell(console: Console, path: Path, teacher: Teacher) -> None:
    how, returns = teacher.about["provenance"]["harden"], teacher.about["returns"]["float"]
    before, chosen = how["returns"]["before"], how["returns"]["chosen"]
    lines = [
        f"finished: {path}: return {returns['mean']:,.1f} ± {returns['std']:,.1f}, worst {returns['min']:,.1f}, "
        f"{returns['episodes']} episodes",
        f"the best of {how['best_of_evaluations']} evaluations, at step {how['chosen_step']:,}; in the episodes that "
        f"chose it {chosen['mean']:,.1f} (before {before['mean']:,.1f}), with noise "
        f"{chosen['noisy']['mean']:,.1f} ({before['noisy']['mean']:,.1f})",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
