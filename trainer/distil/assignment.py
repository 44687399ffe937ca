"""One student to make, as a task of an engine: its actor and a record of it lie in files, and nothing is made twice.

One that is polished is distilled first, and that student is kept too, in the run's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ganglion.codegen.actor import Actor, read_actor, write_actor

from ..engines import TaskError
from ..reinforce import ReinforceError, ReinforceSettings, check_settings
from ..storage import snapshot
from ..storage.folder import FolderError, owns, replace_text
from ..storage.names import SETTINGS
from ..teacher import Teacher
from .distillation import Progress, Student, describe, distil
from .polish import polish
from .settings import DistilError, Settings
from .verdict import Standard, judge

_PROGRESS = "progress.json"
_DISTILLED = "distilled.safetensors"
_POLISHING = "polish"


@dataclass(frozen=True)
class Record:
    """What an actor file does not tell of its making: processor minutes, and the root mean square of the action errors
    (actions in [-1, 1]), where it is known. `digest` is the actor's; the record lies beside it, with suffix .json."""

    digest: str
    minutes: float
    action_error: float | None = None


@dataclass(frozen=True, eq=False)
class Assignment:
    """A student of `teacher`, whose actor is to lie at `path`; judged by `standard`, or, from `recorded` observations
    (n, features) alone, not at all. With `polish` it is trained on after that. Snapshots go into `folder`."""

    teacher: Teacher
    settings: Settings
    path: Path
    standard: Standard | None = None
    recorded: np.ndarray | None = None
    polish: ReinforceSettings | None = None

    @property
    def name(self) -> str:
        """Environment, sparsity and seed."""
        return f"{self.teacher.env_id} at {self.settings.sparsity:g}, seed {self.settings.seed}"

    @property
    def folder(self) -> Path:
        """Where the run keeps its snapshots."""
        return _run_of(self.path)

    @property
    def claim(self) -> dict:
        """What decides the student."""
        return describe(self.teacher, self.settings, self.recorded)

    def finished(self) -> tuple[Actor, Record] | None:
        """The actor as it was asked for, and its record; None where that does not lie there yet."""
        found = self._made(self.path, self.polish)
        share = found[0].about.get("share", {}) if found else {}
        asked = (len(self.standard.returns), self.standard.first_seed) if self.standard else (None, None)
        return found if (share.get("episodes"), share.get("first_seed")) == asked else None

    def kept(self, polished: ReinforceSettings | None) -> Student | None:
        """The student, `polished` so, where it was made already, however it was judged; before it is polished, it also
        lies in the run's folder."""
        for path in (self.path, self.folder / _DISTILLED):
            found = self._made(path, polished)
            if found:
                actor, record = found
                about = {name: entry for name, entry in actor.about.items() if name != "share"} | {"returns": {}}
                return Student(actor.policy, about, record.minutes, record.action_error)
        return None

    def _made(self, path: Path, polished: ReinforceSettings | None) -> tuple[Actor, Record] | None:
        """What lies at `path`, if it is this student, `polished` so."""
        record = read_record(path)
        if record is None or not path.exists() or not owns(self.folder, self.claim, SETTINGS):
            return None
        actor = read_actor(path)
        told = actor.about["provenance"].get("polish", {}).get("settings")
        asked = polished and json.loads(json.dumps(asdict(polished)))
        return (actor, record) if told == asked and actor.policy.digest == record.digest else None

    def tell(self, progress: Progress) -> None:
        """Let other processes read how far this one is."""
        _write(self.folder / _PROGRESS, asdict(progress))

    def progress(self) -> Progress | None:
        """How far a run in another process is."""
        return read_progress(self.path)


def carry_out(assignment: Assignment, report=lambda progress: None) -> None:
    """Distil, polish, judge and write, unless that is done. DistilError or ReinforceError for what cannot be."""
    if assignment.finished():
        return
    _check(assignment)
    student = assignment.kept(assignment.polish) or _make(assignment, report)
    about = dict(student.about)
    if assignment.standard:
        verdict = judge(student.policy, assignment.standard)
        about |= {"returns": verdict.returns, "share": verdict.about}
    _keep(assignment.path, student, about)
    snapshot.discard(assignment.folder)
    snapshot.discard(assignment.folder / _POLISHING)


def _check(assignment: Assignment) -> None:
    if assignment.polish is None:
        return
    check_settings(assignment.polish, assignment.settings.seed)
    if assignment.recorded is not None:
        raise DistilError("polishing needs an environment; a student of recorded observations alone has none")


def _make(assignment: Assignment, report) -> Student:
    student = assignment.kept(None) or distil(
        assignment.teacher, assignment.settings, report, assignment.folder, assignment.recorded, checked=True
    )
    return _polish(assignment, student, report) if assignment.polish else student


def _polish(assignment: Assignment, student: Student, report) -> Student:
    _keep(assignment.folder / _DISTILLED, student, student.about)
    snapshot.discard(assignment.folder)
    settings, folder = assignment.settings, assignment.folder / _POLISHING
    made = polish(student.policy, settings.bits, assignment.polish, settings.seed, report, folder)
    provenance = student.about["provenance"]
    about = student.about | {
        "sparsity": student.about["sparsity"] | {"nonzeros": made.policy.nonzeros},
        "provenance": provenance | {"steps": provenance["steps"] + made.steps, "polish": made.about},
    }
    return Student(made.policy, about, student.minutes + made.minutes, None)


def carry_out_elsewhere(assignment: Assignment) -> None:
    """`carry_out` for engines: progress goes into a file, and errors are TaskErrors."""
    try:
        carry_out(assignment, assignment.tell)
    except (DistilError, ReinforceError, FolderError) as error:
        raise TaskError(str(error)) from error
    except Exception as error:
        raise TaskError(f"{type(error).__name__}: {error}") from error


def _keep(path: Path, student: Student, about: dict) -> None:
    write_actor(path, student.policy, about)
    write_record(path, Record(student.policy.digest, student.minutes, student.action_error))


def read_progress(actor: Path) -> Progress | None:
    """How far the run is that makes the file of an actor; None where that is not known."""
    try:
        return Progress(**json.loads((_run_of(actor) / _PROGRESS).read_text()))
    except FileNotFoundError:
        return None


def _run_of(actor: Path) -> Path:
    return actor.with_suffix(".run")


def write_record(actor: Path, record: Record) -> None:
    """Write the record beside the file of an actor."""
    _write(actor.with_suffix(".json"), asdict(record))


def read_record(actor: Path) -> Record | None:
    """The record beside the file of an actor; None where there is none."""
    path = actor.with_suffix(".json")
    return Record(**json.loads(path.read_text())) if path.exists() else None


def _write(path: Path, values: dict) -> None:
    replace_text(path, json.dumps(values, indent=1) + "\n")
