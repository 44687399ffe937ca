"""Measurements held against those of the last release."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .suite import KernelRow

TOLERANCE = 0.01
COMPARED = ("cycles", "policy_flash_bytes", "ram_bytes")


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


def read_baseline(path: Path) -> dict[str, dict[str, int]]:
    """{row key: counts} of a file that `baseline_text` wrote; empty when there is none."""
    return json.loads(path.read_text())["rows"] if path.exists() else {}


def baseline_text(rows: Iterable[KernelRow], earlier: dict[str, dict[str, int]]) -> str:
    """The text of a baseline: `earlier` rows, and `rows` in their place where they were measured again."""
    counts = earlier | {row.key: {field: getattr(row, field) for field in COMPARED} for row in rows}
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(counts.items()))
    return f'{{"rows": {{\n{lines}\n}}}}\n'


def changes(rows: Iterable[KernelRow], baseline: dict[str, dict[str, int]]) -> list[Change]:
    """What moved by at least TOLERANCE, in the order of `rows`; rows that the baseline lacks are not compared."""
    moved = [
        Change(row.key, field, baseline[row.key][field], getattr(row, field))
        for row in rows
        if row.key in baseline
        for field in COMPARED
    ]
    return [change for change in moved if change.now != change.before and abs(change.share) >= TOLERANCE]
