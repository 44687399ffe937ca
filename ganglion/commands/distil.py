from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console

from ..errors import UsageError
from .distil_options import Flat, StudentOptions, TeacherOptions, progress_bar

if TYPE_CHECKING:
    import numpy as np

    from ganglion.trainer.distil import Settings, Student, Verdict
    from ganglion.trainer.distil.verdict import Standard
    from ganglion.trainer.teacher import Teacher


@dataclass
class Distil:
    """Distil a trained dense policy into a sparse integer actor, in minutes, and compare it with its teacher.

    Stopped at any moment, the same command goes on from its last snapshot.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    student: Annotated[StudentOptions, Flat] = field(default_factory=StudentOptions)
    seeds: int = 1
    """Students to distil, with seeds from --seed on. The last one is the headline; the best one is labelled so, and
    measured again on episodes that it was not chosen by."""
    out: Path | None = None
    """Actor file to write; by default runs/distil-<environment>-<sparsity>-<seed>/actor.safetensors."""
    observations: Path | None = None
    """Recorded observations (.npy, or .npz with an array "observations") instead of an environment; nothing is
    measured in closed loop then."""
    episodes: int = 20
    """Episodes of the comparison, at least 20 for figures that are published."""

    def run(self) -> int:
        """Distil, judge, write the actor files."""
        from ganglion.trainer.distil import measure_teacher
        from ganglion.trainer.distil.recorded import load_observations
        from ganglion.trainer.distil.snapshot import discard

        self._check()
        teacher, settings = self.which.read(), self.student.settings()
        recorded = load_observations(self.observations) if self.observations else None
        path = self.out or Path("runs", self._name(teacher, settings), "actor.safetensors")
        standard = measure_teacher(teacher, self.episodes) if recorded is None else None
        makers = [
            _Maker(teacher, replace(settings, seed=settings.seed + index), _seed_path(path, settings.seed + index))
            for index in range(self.seeds)
        ]
        if self.seeds == 1:
            makers[0].path = path
        for maker in makers:
            maker.make(recorded, standard)
        if self.seeds > 1:
            makers[-1].write(path)
            _tell_seeds(path, makers, self._best(path, teacher, makers))
        for maker in makers:
            discard(maker.folder)
        return 0

    def _check(self) -> None:
        if self.episodes < 2:
            raise UsageError(f"--episodes {self.episodes}; an interval needs at least 2, a figure worth telling 20")
        if self.seeds < 1:
            raise UsageError(f"--seeds {self.seeds}; at least 1 is needed")

    def _name(self, teacher: Teacher, settings: Settings) -> str:
        return f"distil-{teacher.env_id.replace('/', '-')}-{settings.sparsity:g}-{settings.seed}"

    def _best(self, path: Path, teacher: Teacher, makers: list[_Maker]) -> Verdict | None:
        """Write the best student, with what it returns in episodes that did not choose it."""
        from ganglion.trainer.distil import judge, measure_teacher
        from ganglion.trainer.distil.verdict import BEST_SEED

        judged = [maker for maker in makers if maker.verdict]
        if not judged:
            return None
        best = max(judged, key=lambda maker: maker.verdict.share)
        chosen = {"best_of": len(judged), "by_seed": best.verdict.first_seed}
        best.student.about["provenance"]["chosen"] = chosen
        verdict = judge(best.student.policy, measure_teacher(teacher, self.episodes, BEST_SEED))
        replace(best, verdict=verdict).write(path.with_name(f"{path.stem}-best{path.suffix}"))
        return verdict


@dataclass
class _Maker:
    """One student: where it goes, and once made, what it is worth."""

    teacher: Teacher
    settings: Settings
    path: Path
    student: Student | None = None
    verdict: Verdict | None = None

    @property
    def folder(self) -> Path:
        """Where the run keeps its snapshots."""
        return self.path.with_suffix(".run")

    def make(self, recorded: np.ndarray | None, standard: Standard | None) -> None:
        """Distil, judge, write, tell."""
        from ganglion.trainer.distil import distil, judge

        title = f"{self.teacher.env_id} at {self.settings.sparsity:g}, seed {self.settings.seed}"
        with progress_bar(title) as progress:
            self.student = distil(self.teacher, self.settings, progress, self.folder, recorded)
        if standard:
            self.verdict = judge(self.student.policy, standard)
        self.write(self.path)
        _tell(self.path, self.student, self.verdict)

    def write(self, path: Path) -> None:
        """Write the actor file."""
        from ganglion.codegen.actor import write_actor

        measured = {"returns": self.verdict.returns, "share": self.verdict.about} if self.verdict else {}
        write_actor(path, self.student.policy, self.student.about | measured)


def _seed_path(path: Path, seed: int) -> Path:
    return path.with_name(f"{path.stem}-seed{seed}{path.suffix}")


def _tell(path: Path, student: Student, verdict: Verdict | None) -> None:
    policy = student.policy
    lines = [
        f"{path}: {policy.nonzeros:,} nonzero weights of {student.about['sparsity']['weights']:,}, "
        f"{' x '.join(map(str, policy.shape))}, {student.minutes:.1f} processor minutes"
    ]
    if verdict is None:
        lines.append(f"root mean square error of the actions, scaled to [-1, 1]: {student.action_error:.3f}; no return")
    else:
        lines.append(_compare(verdict))
    Console().print("\n".join(lines), highlight=False, soft_wrap=True)


def _compare(verdict: Verdict) -> str:
    taught, learned = verdict.returns["teacher"], verdict.returns["quantised"]
    return (
        f"{verdict.share:.1%} of the teacher's return (95 % interval {verdict.low:.1%} to {verdict.high:.1%}): "
        f"{learned['mean']:,.1f} of {taught['mean']:,.1f}, {len(verdict.student)} episodes, the same fresh seeds; "
        f"worst {learned['min']:,.1f}, the teacher's {taught['min']:,.1f}"
    )


def _tell_seeds(path: Path, makers: list[_Maker], best: Verdict | None) -> None:
    lines = [f"{path}: the last of {len(makers)} seeds"]
    shares = [maker.verdict.share for maker in makers if maker.verdict]
    if best:
        mean = sum(shares) / len(shares)
        deviation = (sum((share - mean) ** 2 for share in shares) / (len(shares) - 1)) ** 0.5
        lines.append(
            f"share of the teacher's return over {len(shares)} seeds: {mean:.1%}, standard deviation "
            f"{100 * deviation:.1f} points, {min(shares):.1%} to {max(shares):.1%}"
        )
        lines.append(f"best of {len(shares)}, measured again on episodes that did not choose it: {_compare(best)}")
    Console().print("\n".join(lines), highlight=False, soft_wrap=True)
