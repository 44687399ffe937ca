"""The plan: all that the compiler decided, as text, before anything is written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .bounds import LayerBounds
from .passes import Overview
from .policy import Policy

MANIFEST = "plan.json"


class PlanError(ValueError):
    """A folder that a plan cannot be written to or read from; says why and what to do."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Files to write, {relative path: text} in order, and the facts that they were made from.

    `policy` is the simplified policy (its `digest` is the actor's), `bounds` are its proved bounds, `overview`
    compares it with the actor. `choice` says why this kernel and from which prices, where it was chosen by price.
    """

    name: str
    kernel: str
    policy: Policy
    bounds: tuple[LayerBounds, ...]
    overview: Overview
    files: dict[str, str]
    choice: Mapping[str, object] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over paths and texts, in order: equal digests mean equal files."""
        return files_digest(self.files)

    @property
    def float32_exact(self) -> bool:
        """Whether float32 training arithmetic computes the same integers in every layer."""
        return all(bounds.float32_exact for bounds in self.bounds)


def files_digest(files: dict[str, str]) -> str:
    """SHA-256 (hex) over paths and texts, in order and unambiguous."""
    return hashlib.sha256(json.dumps(list(files.items())).encode()).hexdigest()


def write_plan(plan: Plan, folder: Path) -> None:
    """Write all files and `plan.json` to `folder`, whole or not at all.

    An earlier plan in `folder` is replaced; PlanError when there is anything else in it. OSError when the disk
    is full; then, and after an interruption, `folder` is what it was before.
    """
    folder = folder.absolute()
    if folder.exists() or folder.is_symlink():
        _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        fresh = staging / "new"
        _fill(fresh, plan)
        _swap(fresh, folder, staging / "old")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def read_files(folder: Path) -> dict[str, str]:
    """The files that `write_plan` left in `folder`, in the plan's order; PlanError when one is missing or changed."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {path: (folder / path).read_bytes().decode() for path in manifest["files"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{folder}: not the folder of a compiled policy ({error}); compile it again") from error
    if files_digest(files) != manifest.get("plan_digest"):
        raise PlanError(f"{folder}: a file was changed after it was compiled; compile it again")
    return files


def _refuse_foreign(folder: Path) -> None:
    if not folder.is_dir() or folder.is_symlink():
        raise PlanError(f"{folder}: is not a folder; give a new folder or that of an earlier compilation")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if not present:
        return
    try:
        ours = {*read_files(folder), MANIFEST} if MANIFEST in present else set()
    except PlanError as error:
        raise PlanError(f"{error}, into a new folder or after deleting this one") from error
    foreign = sorted(present - ours)
    if foreign:
        raise PlanError(
            f"{folder}: holds {foreign[0]!r}, which no compilation wrote; "
            "give a new folder or that of an earlier compilation"
        )


def _fill(folder: Path, plan: Plan) -> None:
    manifest = {
        "name": plan.name,
        "kernel": plan.kernel,
        "actor_digest": plan.policy.digest,
        "plan_digest": plan.digest,
        "files": list(plan.files),
        **({"choice": plan.choice} if plan.choice else {}),
    }
    for path, text in {**plan.files, MANIFEST: json.dumps(manifest, indent=2) + "\n"}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def _swap(fresh: Path, folder: Path, old: Path) -> None:
    """Move `fresh` to `folder`; what was there goes to `old`, and comes back if the move does not happen."""
    try:
        if folder.exists():
            os.rename(folder, old)
        os.rename(fresh, folder)
    except BaseException:
        if old.exists() and not folder.exists():
            os.rename(old, folder)
        raise
