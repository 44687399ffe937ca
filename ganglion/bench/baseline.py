"""Measurements as a file, held against those of the last release."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .rows import KernelRow, LeftOut

TOLERANCE = 0.01
COMPARED = ("instructions", "cycles", "policy_flash_bytes", "ram_bytes")


@dataclass(frozen=True)
class Content:
    """What a run measured and what it left out, at which commit, on which machine, with which C compiler."""

    commit: str | None
    machine: str
    compiler: str
    rows: tuple[KernelRow, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Change:
    """A count that moved by TOLERANCE or more, in either direction."""

    key: str
    field: str
    before: int
    now: int

    @property
    def share(self) -> float:
        """Growth as a share of what it was."""
        return self.now / self.before - 1 if self.before else float("inf")

    @property
    def worse(self) -> bool:
        """Whether it grew."""
        return self.now > self.before


def read_content(path: Path) -> Content | None:
    """The file that `content_text` wrote; None when there is none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    rows = tuple(KernelRow(**row) for row in content["rows"])
    left_out = tuple(LeftOut(**row) for row in content["left_out"])
    return Content(content["commit"], content["machine"], content["compiler"], rows, left_out)


def content_text(content: Content) -> str:
    """JSON with a line for each row, which `read_content` reads again."""
    head = {"suite": "kernels", "commit": content.commit, "machine": content.machine, "compiler": content.compiler}
    lists = {"rows": content.rows, "left_out": content.left_out}
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    for name, items in lists.items():
        lines = ",\n".join(f"  {json.dumps(item.as_dict())}" for item in items)
        parts.append(f"{json.dumps(name)}: [\n{lines}\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def merged(content: Content, earlier: Content | None) -> Content:
    """`earlier` with what was measured again in its place and what is new behind it; who measured is of `content`."""
    if earlier is None:
        return content
    rows = {row.key: row for row in (*earlier.rows, *content.rows)}
    left_out = {one.key: one for one in (*earlier.left_out, *content.left_out) if one.key not in rows}
    order = sorted(rows.values(), key=lambda row: (row.core, row.flash_model != "zero-wait", row.net, row.sparsity))
    return Content(content.commit, content.machine, content.compiler, tuple(order), tuple(left_out.values()))


def changes(rows: Iterable[KernelRow], baseline: Content | None) -> list[Change]:
    """What moved by at least TOLERANCE, in the order of `rows`; rows that the baseline lacks are not compared."""
    before = {row.key: row for row in baseline.rows} if baseline else {}
    moved = [
        Change(row.key, field, getattr(before[row.key], field), getattr(row, field))
        for row in rows
        if row.key in before
        for field in COMPARED
    ]
    return [change for change in moved if change.now != change.before and abs(change.share) >= TOLERANCE]
