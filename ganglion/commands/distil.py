from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console

from ..errors import UsageError
from .distil_options import Flat, StudentOptions, TeacherOptions, progress_bar

if TYPE_CHECKING:
    from ganglion.trainer.distil import Settings, Student, Verdict
    from ganglion.trainer.teacher import Teacher


@dataclass
class Distil:
    """Distil a trained dense policy into a sparse integer actor, in minutes, and compare it with its teacher.

    Stopped at any moment, the same command goes on from its last snapshot.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    student: Annotated[StudentOptions, Flat] = field(default_factory=StudentOptions)
    out: Path | None = None
    """Actor file to write; by default runs/distil-<environment>-<sparsity>-<seed>/actor.safetensors."""
    observations: Path | None = None
    """Recorded observations (.npy, or .npz with an array "observations") instead of an environment; nothing is
    measured in closed loop then."""
    episodes: int = 20
    """Episodes of the comparison, at least 20 for figures that are published."""

    def run(self) -> int:
        """Distil, judge, write the actor file."""
        from ganglion.codegen.actor import write_actor
        from ganglion.trainer.distil import distil, judge, measure_teacher
        from ganglion.trainer.distil.recorded import load_observations
        from ganglion.trainer.distil.snapshot import discard

        if self.episodes < 2:
            raise UsageError(f"--episodes {self.episodes}; an interval needs at least 2, a figure worth telling 20")
        teacher = self.which.read()
        settings = self.student.settings()
        recorded = load_observations(self.observations) if self.observations else None
        path = self.out or Path("runs", self._name(teacher, settings), "actor.safetensors")
        folder = path.with_suffix(".run")
        with progress_bar(f"{teacher.env_id} at {settings.sparsity:g}") as progress:
            student = distil(teacher, settings, progress, folder, recorded)
        about = dict(student.about)
        verdict = None
        if recorded is None:
            verdict = judge(student.policy, measure_teacher(teacher, self.episodes))
            about |= {"returns": verdict.returns, "share": verdict.about}
        write_actor(path, student.policy, about)
        discard(folder)
        _tell(path, student, verdict)
        return 0

    def _name(self, teacher: Teacher, settings: Settings) -> str:
        return f"distil-{teacher.env_id.replace('/', '-')}-{settings.sparsity:g}-{settings.seed}"


def _tell(path: Path, student: Student, verdict: Verdict | None) -> None:
    policy = student.policy
    lines = [
        f"{path}: {policy.nonzeros:,} nonzero weights of {student.about['sparsity']['weights']:,}, "
        f"{' x '.join(map(str, policy.shape))}, {student.minutes:.1f} processor minutes"
    ]
    if verdict is None:
        lines.append(f"root mean square error of the actions, scaled to [-1, 1]: {student.action_error:.3f}; no return")
    else:
        taught, learned = verdict.returns["teacher"], verdict.returns["quantised"]
        lines.append(
            f"{verdict.share:.1%} of the teacher's return (95 % interval {verdict.low:.1%} to {verdict.high:.1%}): "
            f"{learned['mean']:,.1f} of {taught['mean']:,.1f}, {len(verdict.student)} episodes, the same fresh seeds; "
            f"worst {learned['min']:,.1f}, the teacher's {taught['min']:,.1f}"
        )
    Console().print("\n".join(lines), highlight=False, soft_wrap=True)
