from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ganglion.hil.report import write_whole

from ..bench.baseline import baseline_text, changes, read_baseline
from ..bench.nets import SHAPES, SPARSITIES
from ..bench.plot import plot_svg
from ..bench.program import CORES
from ..bench.suite import ALL_KERNELS, KernelRow, Selection, measure_kernels
from ..errors import UsageError
from ..extras import require_extra

_TABLE_WIDTH = 128
_SHAPES = {"-".join(map(str, shape)): shape for shape in SHAPES}


@dataclass
class Bench:
    """Measure every kernel and its peers: cycles, bytes, RAM. Nothing is timed but the compiler; cycles are counted."""

    suite: Literal["kernels", "trainer"] = "kernels"
    """What to measure; trainer: gradient steps per second of processor time, against Stable-Baselines3."""
    nets: tuple[str, ...] = tuple(_SHAPES)
    """Widths of the nets, such as 11-256-256-3."""
    sparsities: tuple[float, ...] = SPARSITIES
    """Shares of weights that are zero."""
    kernels: tuple[str, ...] = ALL_KERNELS
    """Kernels and peers."""
    cores: tuple[str, ...] = tuple(CORES)
    """Cores to count cycles on."""
    out: Path = Path("build/bench")
    """Folder for the JSON file and the plots."""
    baseline: Path = Path("docs/bench/kernels.json")
    """Counts of the last release, to compare with."""
    update_baseline: bool = False
    """Write what was measured to the baseline."""

    def run(self) -> int:
        """Measure, print, write; 1 when a count grew by 1 % or more against the baseline."""
        console, rows = Console(width=_TABLE_WIDTH), []
        if self.suite == "trainer":
            return self._run_trainer(console)
        for row in measure_kernels(self._selection()):
            rows.append(row)
            console.print(f"{row.key}: {row.cycles:,} cycles, {row.policy_flash_bytes:,} bytes", highlight=False)
        console.print(_table(rows))
        write_whole(self.out / f"{self.suite}.json", _json(self.suite, rows))
        for core in dict.fromkeys(row.core for row in rows):
            write_whole(self.out / f"{self.suite}-{core}.svg", plot_svg(rows, core))
        return self._compare(rows, console)

    def _run_trainer(self, console: Console) -> int:
        require_extra("train", "torch", "stable_baselines3")
        from ..bench.trainer import measure_trainer, trainer_table

        rows = measure_trainer()
        console.print(trainer_table(rows))
        write_whole(self.out / "trainer.json", _json("trainer", rows))
        return 0

    def _selection(self) -> Selection:
        for name, given, allowed in (
            ("net", self.nets, _SHAPES),
            ("kernel", self.kernels, ALL_KERNELS),
            ("core", self.cores, CORES),
        ):
            for value in given:
                if value not in allowed:
                    raise UsageError(f"there is no {name} {value!r}; allowed: {', '.join(allowed)}")
        return Selection(tuple(_SHAPES[net] for net in self.nets), self.sparsities, self.kernels, self.cores)

    def _compare(self, rows: list[KernelRow], console: Console) -> int:
        baseline = read_baseline(self.baseline)
        moved = changes(rows, baseline)
        for change in moved:
            style = "red" if change.worse else "green"
            counts = f"{change.before:,} -> {change.now:,} ({change.share:+.1%})"
            console.print(f"[{style}]{change.key}: {change.field} {counts}[/]", highlight=False)
        if self.update_baseline:
            write_whole(self.baseline, baseline_text(rows, baseline))
        return int(any(change.worse for change in moved) and not self.update_baseline)


def _table(rows: list[KernelRow]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("net", "sparsity", "core", "kernel"):
        table.add_column(heading, no_wrap=True)
    for heading in ("instructions", "cycles", "per nonzero", "bytes", "RAM", "compile s"):
        table.add_column(heading, no_wrap=True, justify="right")
    for row in rows:
        names = (row.net, f"{row.sparsity:.0%}", row.core, row.kernel)
        counts = (row.instructions, row.cycles, row.cycles_per_nonzero, row.policy_flash_bytes, row.ram_bytes)
        table.add_row(*names, *(f"{count:,}" for count in counts), f"{row.compile_s:.1f}")
    return table


def _json(suite: str, rows: list) -> str:
    content = {
        "suite": suite,
        "commit": _commit(),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "rows": [row.as_dict() for row in rows],
    }
    return json.dumps(content, indent=1) + "\n"


def _commit() -> str | None:
    """The commit that is checked out here, None outside of a repository."""
    try:
        result = subprocess.run(("git", "rev-parse", "HEAD"), capture_output=True, text=True)
    except OSError:
        return None
    return result.stdout.strip() or None
