"""What `distil` and `limit` ask about teacher and student, and how they show a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ganglion.hil.environments import file_name, resolve_env_id

from ..errors import UsageError
from ..extras import require_extra
from ..selection import zoo_folder

if TYPE_CHECKING:
    from ganglion.trainer.distil import Settings
    from ganglion.trainer.reinforce import ReinforceSettings
    from ganglion.trainer.teacher import Teacher

Flat = tyro.conf.arg(name="")


@dataclass
class TeacherOptions:
    """Which teacher: give a file, or an environment of the zoo."""

    file: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="TEACHER")] = None
    """Teacher file, model of Stable-Baselines3 (.zip), or folder of `ganglion train` (its newest checkpoint)."""
    teacher: Path | None = None
    """The same as an option; by default the zoo's teacher, or the one that was trained in runs/."""
    env: str | None = None
    """Environment, such as Hopper or Hopper-v4; by default the one that the teacher file names."""
    normaliser: Path | None = None
    """VecNormalize (.pkl) that a model of Stable-Baselines3 was trained behind."""

    fit_critics: bool = False
    """Give a teacher without critics some, fitted on its own episodes in about 4 processor minutes: better students
    where some actions matter more than others."""

    def read(self) -> Teacher:
        """The teacher that is asked for; UsageError when it is not clear which, or there is none."""
        require_extra("train", "torch", "stable_baselines3")
        from ganglion.trainer.imported import load_teacher

        if self.file and self.teacher:
            raise UsageError(f"two teachers, {self.file} and --teacher {self.teacher}; give one")
        path = self.file or self.teacher
        if path is None and self.env is None:
            raise UsageError("say which teacher: a file (FILE or --teacher FILE) or an environment (--env Hopper)")
        env_id = resolve_env_id(self.env) if self.env else None
        teacher = load_teacher(path or _teacher_of(env_id), env_id, self.normaliser)
        _say_what_was_read(teacher, path, self.normaliser)
        return self._with_critics(replace(teacher, env_id=env_id or teacher.env_id))

    def _with_critics(self, teacher: Teacher) -> Teacher:
        from ganglion.trainer.critics import fit_critics

        return replace(teacher, critics=fit_critics(teacher)) if self.fit_critics and not teacher.critics else teacher


def _say_what_was_read(teacher: Teacher, path: Path | None, normaliser: Path | None) -> None:
    """Of a file made by others: what was taken from it, and what was not."""
    if path is None or path.suffix != ".zip":
        return
    shape = [teacher.features, *(layer.out_features for layer in teacher.linears)]
    parts = [f"{'-'.join(map(str, shape))} policy ({teacher.about['algorithm']}, {teacher.squash} head)"]
    parts += [f"{len(teacher.critics)} critics"] if teacher.critics else []
    parts += [f"observation statistics of {normaliser}"] if teacher.normaliser else []
    lines = [f"{path}: read {', '.join(parts)}; parameters and numbers only, no code of the file is run"]
    if normaliser is None:
        lines.append("if the policy was trained behind VecNormalize, give its statistics: --normaliser FILE.pkl")
    Console(stderr=True).print("\n".join(lines), highlight=False, soft_wrap=True)


def _teacher_of(env_id: str) -> Path:
    zoo = zoo_folder() / "teachers" / f"{env_id}.safetensors"
    trained = sorted(Path("runs").glob(f"{file_name(env_id)}-teacher-*/teacher.safetensors"))
    for path in (zoo, *trained):
        if path.exists():
            return path
    raise UsageError(
        f"there is no teacher for {env_id}, neither {zoo} nor one in runs/; "
        f"train one (ganglion teach --env {env_id}) or give --teacher FILE"
    )


@dataclass
class StudentOptions:
    """What the student is to be."""

    sparsity: float = 0.98
    """Share of zero weights."""
    pattern: Literal["unstructured", "pairs", "neurons"] = "unstructured"
    """What is pruned together: single weights, two neighbouring inputs of a row, or whole neurons."""
    weight_bits: int = 8
    """Bits of a weight, 2 to 8."""
    powers_of_two: bool = False
    """Allow only 0 and powers of two as weights."""
    rounding: Literal["auto", "straight-through", "freeze"] = "auto"
    """How weights become integers: all at once, with gradients straight through, or for good in steps, the largest
    first, while the others go on learning; auto freezes powers of two and weights of at most 3 bits."""
    activation_bits: Literal[8, 16] = 8
    """Bits of a hidden activation."""
    observation_bits: Literal[8, 16] = 8
    """Bits of an observation."""
    width: int | None = None
    """Most neurons of a hidden layer; by default as many as are worth their weights."""
    head: Literal["teacher", "tanh", "clip"] = "teacher"
    """How outputs become actions; `clip` takes fewer bytes and cycles than `tanh`."""
    saliency: Literal["second-order", "activation", "magnitude"] = "second-order"
    """What decides which weights go."""
    allocation: Literal["global", "paper", "uniform", "erk"] = "global"
    """How the weights that stay are shared among layers; `global` lets them compete."""
    updates: int = 16_000
    """Gradient steps; 40,000 to 60,000 pay at the limit."""
    round_steps: int = 4_000
    """Environment steps of each of 47 rounds of rollouts: how much data there is to as many updates."""
    seed: int = 0
    """Seed of everything."""

    def settings(self) -> Settings:
        """The settings of the trainer."""
        from ganglion.trainer.compression.calibration import BitWidths
        from ganglion.trainer.distil import Settings

        if self.round_steps < 1:
            raise UsageError(f"--round-steps {self.round_steps}; at least 1 environment step is needed")
        settings = Settings(
            sparsity=self.sparsity,
            seed=self.seed,
            bits=BitWidths(
                self.weight_bits, self.activation_bits, self.observation_bits, powers_of_two=self.powers_of_two
            ),
            pattern=self.pattern,
            rounding=self.rounding,
            width=self.width,
            head=self.head,
            saliency=self.saliency,
            allocation=self.allocation,
            updates=self.updates,
        )
        return settings.with_rounds_of(self.round_steps)


@dataclass
class PolishOptions:
    """How a finished student is trained on, if it is."""

    polish: int = 0
    """Environment steps for which a finished student is trained on by reinforcement learning (proximal policy
    optimisation), in the integers that it ships with; 500,000 or more help students that fall."""
    polish_deviation: float | None = None
    """Deviation of the noise on its actions, in [-1, 1], while it is polished; by default 0.2."""

    def check(self) -> None:
        """UsageError for what cannot be meant."""
        if self.polish < 0:
            raise UsageError(f"--polish {self.polish:,}; environment steps are needed, or 0 for no polishing")
        if self.polish_deviation is not None and not self.polish:
            raise UsageError(
                f"--polish-deviation {self.polish_deviation:g} without --polish, where nothing is polished"
            )

    def settings(self, env_id: str) -> ReinforceSettings | None:
        """The trainer's settings for `env_id`; None for no polishing."""
        from ganglion.trainer.environments import usual_gamma
        from ganglion.trainer.reinforce import ReinforceSettings

        deviation = {} if self.polish_deviation is None else {"deviation": self.polish_deviation}
        return ReinforceSettings(self.polish, gamma=usual_gamma(env_id), **deviation) if self.polish else None


@contextmanager
def progress_bar(title: str) -> Iterator:
    """A bar that `distil` reports to: phase, weights left, loss."""
    with progress_bars([title]) as report:
        yield lambda progress: report(title, progress)


@contextmanager
def progress_bars(titles: Sequence[str]) -> Iterator:
    """A bar for each title; reports are a title and how far it is, None before it has begun."""
    columns = (TextColumn("{task.fields[title]}"), BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        tasks = {title: bar.add_task("waiting", total=None, title=title) for title in titles}

        def show(title: str, progress) -> None:
            if progress:
                loss, mean = progress.loss, progress.mean_return
                told = f"return {mean:,.1f}" if loss is None else f"loss {loss:.4f}"
                text = f"{progress.phase}: {progress.nonzeros:,} weights, {told}"
                bar.update(tasks[title], completed=progress.update, total=progress.updates, description=text)

        yield show
