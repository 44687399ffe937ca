from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.table import Table

from ganglion.hil.environments import file_name

from ..errors import UsageError
from .distil_options import Flat, PolishOptions, StudentOptions, TeacherOptions, progress_bar, progress_bars
from .engine_options import EngineOptions

if TYPE_CHECKING:
    from ganglion.codegen.actor import Actor
    from ganglion.trainer.distil import Settings
    from ganglion.trainer.distil.assignment import Assignment, Record
    from ganglion.trainer.engines import Engine
    from ganglion.trainer.teacher import Teacher


class DistilFailure(RuntimeError):
    """Some students of several could not be made."""


@dataclass
class Distil:
    """Distil a trained dense policy into a sparse integer actor, in minutes, and compare it with its teacher.

    With --polish the student before stays, so that the same command with and without it distils once.
    Stopped at any moment, the same command goes on: students that are finished stay, others go on from their snapshots.
    """

    which: Annotated[TeacherOptions, Flat] = field(default_factory=TeacherOptions)
    student: Annotated[StudentOptions, Flat] = field(default_factory=StudentOptions)
    where: Annotated[EngineOptions, Flat] = field(default_factory=EngineOptions)
    seeds: tuple[int, ...] = (1,)
    """One number: how many students to distil, with seeds from --seed on. Several numbers: their seeds. The last one is
    the headline; the best one is labelled so, and measured again on episodes that it was not chosen by."""
    out: Path | None = None
    """Actor file to write; by default runs/distil-<environment>-<sparsity>-<seed>/actor.safetensors."""
    observations: Path | None = None
    """Recorded observations (.npy, or .npz with an array "observations") instead of an environment; nothing is
    measured in closed loop then."""
    after: Annotated[PolishOptions, Flat] = field(default_factory=PolishOptions)
    episodes: int = 20
    """Episodes of the comparison, at least 20 for figures that are published."""

    def run(self) -> int:
        """Distil, judge, write the actor files."""
        self._check()
        teacher, settings = self.which.read(), self.student.settings()
        path = self.out or Path("runs", _name(teacher, settings), "actor.safetensors")
        assignments = self._assignments(teacher, settings, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._carry_out(assignments)
        made = [assignment.finished() for assignment in assignments]
        _tell(path, *made[-1])
        if len(made) > 1:
            self._tell_seeds(path, teacher, assignments, made)
        return 0

    def _check(self) -> None:
        self.where.check()
        self.after.check()
        if self.episodes < 2:
            raise UsageError(f"--episodes {self.episodes}; an interval needs at least 2, a figure worth telling 20")
        if self.after.polish and self.observations:
            raise UsageError("--polish needs an environment to act in; --observations has none: leave one out")
        if not self.seeds or (len(self.seeds) == 1 and self.seeds[0] < 1):
            raise UsageError(f"--seeds {' '.join(map(str, self.seeds))}; one number says how many, at least 1")
        if len(set(self.seeds)) < len(self.seeds):
            raise UsageError(f"--seeds {' '.join(map(str, self.seeds))}; a seed is given twice, which teaches nothing")

    def _assignments(self, teacher: Teacher, settings: Settings, path: Path) -> list[Assignment]:
        from ganglion.trainer.distil import measure_teacher
        from ganglion.trainer.distil.assignment import Assignment
        from ganglion.trainer.distil.recorded import load_observations
        from ganglion.trainer.distil.settings import check_settings
        from ganglion.trainer.distil.verdict import check_teacher
        from ganglion.trainer.reinforce import check_settings as check_polish

        check_settings(settings)
        polish = self.after.settings(teacher.env_id)
        if polish:
            check_polish(polish, settings.seed)
        recorded = load_observations(self.observations) if self.observations else None
        standard = None
        if recorded is None:
            check_teacher(teacher)
            standard = measure_teacher(teacher, self.episodes)
        path = path.resolve()  # other machines of a cluster have other working folders
        one = len(self.seeds) == 1
        seeds = range(settings.seed, settings.seed + self.seeds[0]) if one else self.seeds
        return [
            Assignment(
                teacher, replace(settings, seed=seed), path if len(seeds) == 1 else _seed_path(path, seed), standard,
                recorded, polish,
            )
            for seed in seeds
        ]  # fmt: skip

    def _carry_out(self, assignments: Sequence[Assignment]) -> None:
        from ganglion.trainer.distil.assignment import carry_out, carry_out_elsewhere

        if len(assignments) > 1 and (self.where.workers > 1 or self.where.on_ray):
            _carry_out_together(assignments, self.where.engine(carry_out_elsewhere, len(assignments), isolated=True))
            return
        for assignment in assignments:
            with progress_bar(assignment.name) as report:
                carry_out(assignment, report)

    def _tell_seeds(
        self, path: Path, teacher: Teacher, assignments: Sequence[Assignment], made: Sequence[tuple[Actor, Record]]
    ) -> None:
        """Write headline and best, and tell how far the seeds lie apart."""
        from ganglion.codegen.actor import write_actor
        from ganglion.trainer.distil.assignment import write_record

        seeds = [assignment.settings.seed for assignment in assignments]
        write_actor(path, made[-1][0].policy, made[-1][0].about)
        write_record(path, made[-1][1])
        console = Console()
        console.print(f"that is the last of {len(made)} seeds:", highlight=False)
        console.print(_table(seeds, made))
        if all("share" in actor.about for actor, _ in made):
            _tell_spread(console, [actor for actor, _ in made])
            best = self._best(path, teacher, seeds, made)
            console.print(best, highlight=False, soft_wrap=True)

    def _best(self, path: Path, teacher: Teacher, seeds: Sequence[int], made: Sequence[tuple[Actor, Record]]) -> str:
        """Write the best student, with what it returns in episodes that did not choose it; the verdict in words."""
        from ganglion.codegen.actor import write_actor
        from ganglion.trainer.distil import judge, measure_teacher
        from ganglion.trainer.distil.assignment import write_record
        from ganglion.trainer.distil.spread import best_of
        from ganglion.trainer.distil.verdict import BEST_SEED

        best = best_of([actor for actor, _ in made])
        actor, record = made[best]
        chosen = {"best_of": len(made), "by_seed": actor.about["share"]["first_seed"]}
        verdict = judge(actor.policy, measure_teacher(teacher, self.episodes, BEST_SEED))
        about = actor.about | {"provenance": actor.about["provenance"] | {"chosen": chosen}}
        file = path.with_name(f"{path.stem}-best{path.suffix}")
        write_actor(file, actor.policy, about | {"returns": verdict.returns, "share": verdict.about})
        write_record(file, record)
        return (
            f"{file}: seed {seeds[best]}, the best of {len(made)}, measured again on episodes that did not choose it: "
            f"{_compare(verdict.returns, verdict.about)}"
        )


def _name(teacher: Teacher, settings: Settings) -> str:
    return f"distil-{file_name(teacher.env_id)}-{settings.sparsity:g}-{settings.seed}"


def _seed_path(path: Path, seed: int) -> Path:
    return path.with_name(f"{path.stem}-seed{seed}{path.suffix}")


def _carry_out_together(assignments: Sequence[Assignment], engine: Engine) -> None:
    from ganglion.trainer.engines import run_all

    with progress_bars([assignment.name for assignment in assignments]) as report:

        def look() -> None:
            for assignment in assignments:
                report(assignment.name, assignment.progress())

        failed = run_all([assignment for assignment in assignments if not assignment.finished()], engine, look)
    if failed:
        told = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise DistilFailure(f"{len(failed)} of {len(assignments)} students failed, the same command goes on: {told}")


def _tell(path: Path, actor: Actor, record: Record) -> None:
    policy, about = actor.policy, actor.about
    lines = [
        f"{path}: {policy.nonzeros:,} nonzero weights of {about['sparsity']['weights']:,}, "
        f"{' x '.join(map(str, policy.shape))}, {record.minutes:.1f} processor minutes"
    ]
    if "polish" in about["provenance"]:
        lines.append(_tell_polish(about["provenance"]["polish"]))
    if "share" in about:
        lines.append(_compare(about["returns"], about["share"]))
    else:
        lines.append(f"root mean square error of the actions, scaled to [-1, 1]: {record.action_error:.3f}; no return")
    Console().print("\n".join(lines), highlight=False, soft_wrap=True)


def _tell_polish(polish: dict) -> str:
    before, chosen = polish["returns"]["before"], polish["returns"]["chosen"]
    return (
        f"polished for {polish['steps']:,} steps; the best of {polish['best_of_evaluations']} evaluations, at step "
        f"{polish['chosen_step']:,}: {chosen['mean']:,.1f} in the episodes that chose it, before {before['mean']:,.1f}"
    )


def _compare(returns: dict, share: dict) -> str:
    taught, learned = returns["teacher"], returns["quantised"]
    return (
        f"{share['share']:.1%} of the teacher's return (95 % interval {share['low']:.1%} to {share['high']:.1%}): "
        f"{learned['mean']:,.1f} of {taught['mean']:,.1f}, {share['episodes']} episodes, the same fresh seeds; "
        f"worst {learned['min']:,.1f}, the teacher's {taught['min']:,.1f}"
    )


def _table(seeds: Sequence[int], made: Sequence[tuple[Actor, Record]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("seed", "weights", "return", "of the teacher", "95 % interval", "worst episode", "error", "minutes"):
        table.add_column(name, justify="right")
    for seed, (actor, record) in zip(seeds, made, strict=True):
        about, share = actor.about, actor.about.get("share")
        told = ("", "", "", "")
        if share:
            learned = about["returns"]["quantised"]
            interval = f"{share['low']:.1%} to {share['high']:.1%}"
            told = (f"{learned['mean']:,.1f}", f"{share['share']:.1%}", interval, f"{learned['min']:,.1f}")
        row = (str(seed), f"{actor.policy.nonzeros:,}", *told)
        error = "" if record.action_error is None else f"{record.action_error:.3f}"
        table.add_row(*row, error, f"{record.minutes:.1f}")
    return table


def _tell_spread(console: Console, actors: Sequence[Actor]) -> None:
    from ganglion.trainer.distil.spread import spread

    shares = spread([actor.about["share"]["share"] for actor in actors])
    returns = spread([actor.about["returns"]["quantised"]["mean"] for actor in actors])
    console.print(
        f"share of the teacher's return over {len(actors)} seeds: {shares.mean:.1%}, standard deviation "
        f"{100 * shares.deviation:.1f} points, {shares.low:.1%} to {shares.high:.1%}; return {returns.mean:,.1f} ± "
        f"{returns.deviation:,.1f}, {returns.low:,.1f} to {returns.high:,.1f}",
        highlight=False,
        soft_wrap=True,
    )
