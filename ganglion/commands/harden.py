from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console

from ganglion.hil.environments import file_name

from ..errors import UsageError
from .distil_options import Flat, TeacherOptions

if TYPE_CHECKING:
    from ganglion.trainer.teacher import Teacher


@dataclass
class Harden:
    """Train a teacher on with noise on its actions that stays, so that errors cost it less; for `distil` and `limit`.

    For policies that fall at the smallest error. Proximal policy optimisation, some 1,200 steps a second; stopped at
    any moment, the same command goes on from its last evaluation.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    deviation: float = 0.2
    """Deviation of the noise, of actions in [-1, 1]."""
    steps: int = 1_000_000
    """Environment steps."""
    learning_rate: float = 3e-4
    """Step size of Adam at the start; it falls linearly to 0."""
    gamma: float | None = None
    """Discount of rewards; by default 0.99, for Swimmer 0.9999."""
    seed: int = 0
    """Seed of everything random."""
    folder: Path | None = None
    """Where checkpoints and the teacher go; by default runs/<environment>-hardened-<seed>. Give that teacher to
    `distil` and `limit` as a file: they do not find it by the environment's name."""

    def run(self) -> int:
        """Train to the end, tell both returns."""
        if self.which.fit_critics:
            raise UsageError("--fit-critics gives a teacher critics, and hardening does so at its end; leave it out")
        teacher = self.which.read()
        from ganglion.trainer.distil.verdict import check_teacher
        from ganglion.trainer.environments import usual_gamma
        from ganglion.trainer.harden import HardenSettings, harden
        from ganglion.trainer.reinforce import check_settings

        gamma = usual_gamma(teacher.env_id) if self.gamma is None else self.gamma
        settings = HardenSettings(
            steps=self.steps, deviation=self.deviation, learning_rate=self.learning_rate, gamma=gamma
        )
        check_settings(settings, self.seed)
        check_teacher(teacher)
        folder = self.folder or Path("runs", f"{file_name(teacher.env_id)}-hardened-{self.seed}")
        console = Console()

        def report(step: int, mean_return: float) -> None:
            console.print(f"{teacher.env_id} step {step} return without noise {mean_return:.1f}", highlight=False)

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
    lines.append(f"next: ganglion distil {path}")
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
