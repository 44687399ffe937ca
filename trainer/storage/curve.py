"""The learning curve of a run: one JSON line an evaluation, read as far as it is whole."""

from __future__ import annotations

import json
from pathlib import Path

from .folder import replace_text
from .names import CURVE


def read_curve(folder: Path) -> tuple[list[dict], int]:
    """The rows of the run in `folder`, each with its `step` and `returns`, and how many lines are none: a part of one,
    or damaged."""
    lines = _lines(folder)
    rows = [row for line in lines if (row := _row(line)) is not None]
    return rows, len(lines) - len(rows)


def last_return(folder: Path) -> float | None:
    """The mean of the newest evaluation of the run in `folder`; None where there is none yet."""
    for line in reversed(_lines(folder)):
        if (row := _row(line)) is not None:
            return sum(row["returns"]) / len(row["returns"])
    return None


class Curve:
    """The curve of a run that trains. A row that found the disk full is written with the next one."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / CURVE
        self._rows, self.lost = read_curve(folder)

    def forget_after(self, step: int) -> None:
        """Drop what is told of later steps, which are run again, and lines that are no rows; DiskError for a disk that
        cannot be written."""
        kept = [row for row in self._rows if row["step"] <= step]
        changed, self._rows = len(kept) < len(self._rows) or self.lost > 0, kept
        if changed:
            self._write()

    def add(self, row: dict) -> None:
        """Append `row`: plain values with `step` and `returns`. DiskError for a disk that cannot be written."""
        self._rows.append(row)
        self._write()

    def _write(self) -> None:
        replace_text(self.path, "".join(json.dumps(row) + "\n" for row in self._rows))


def _lines(folder: Path) -> list[str]:
    path = folder / CURVE
    return path.read_text(errors="replace").splitlines() if path.is_file() else []


def _row(line: str) -> dict | None:
    try:
        row = json.loads(line)
        whole = isinstance(row["step"], int) and bool(row["returns"]) and all(map(_is_number, row["returns"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return row if whole else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
