from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ganglion.hil.report import write_whole

from ..bench.baseline import Content, changes, content_text, merged, read_content
from ..bench.nets import NETS, SPARSITIES
from ..bench.page import bench_page
from ..bench.plot import plot_svg
from ..bench.program import CORES
from ..bench.rows import ALL_KERNELS, FLASH_MODELS, MAX_STRAIGHT_NONZEROS, KernelRow, LeftOut, Selection
from ..bench.suite import measure_kernels
from ..errors import UsageError
from ..extras import require_extra

_TABLE_WIDTH = 160
_NETS = {str(net): net for net in NETS}


@dataclass
class Bench:
    """Measure every kernel and its peers: cycles, bytes, RAM. Nothing is timed but the compiler; cycles are counted.

    By default a representative part: all nets and sparsities on the Cortex-M4, 11-256-256-3 from 95 % on the other
    cores, and at 98 % with flash wait states. What is left out is listed with its reason.
    """

    suite: Literal["kernels", "trainer"] = "kernels"
    """What to measure; trainer: gradient steps per second of processor time, against Stable-Baselines3."""
    nets: tuple[str, ...] = tuple(_NETS)
    """Widths of the nets, such as 11-256-256-3; -1x2 and -2x2: whole blocks of so many rows and columns are zero;
    -6bit and -4bit: narrow weights."""
    sparsities: tuple[float, ...] = SPARSITIES
    """Shares of weights that are zero; others than these only with --all."""
    kernels: tuple[str, ...] = ALL_KERNELS
    """Kernels and peers."""
    cores: tuple[str, ...] = tuple(CORES)
    """Cores to count cycles on."""
    flash_models: tuple[str, ...] = FLASH_MODELS
    """How slow flash is."""
    all: bool = False
    """Every combination of the above instead of the representative part: an hour or more."""
    max_straight: int = MAX_STRAIGHT_NONZEROS
    """Nets with more weights than this are not compiled to straight-line code, which takes a minute for 35,000."""
    processes: int = 2
    """Cases measured at the same time."""
    out: Path = Path("build/bench")
    """Folder for the JSON file and the plots."""
    baseline: Path = Path("docs/bench/kernels.json")
    """Counts of the last release, to compare with."""
    update_baseline: bool = False
    """Write what was measured to the baseline, its plots beside it, and its page (bench.md) one folder up."""

    def run(self) -> int:
        """Measure, print, write; 1 when a count grew by 1 % or more against the baseline."""
        console = Console(width=_TABLE_WIDTH)
        if self.suite == "trainer":
            return self._run_trainer(console)
        content = self._measure(console)
        console.print(_table(content.rows))
        for one in content.left_out:
            console.print(f"left out: {one.key}: {one.reason}", highlight=False, markup=False)
        _write(content, self.out / "kernels.json")
        return self._compare(content, console)

    def _measure(self, console: Console) -> Content:
        rows, left_out = [], []
        for result in measure_kernels(self._selection(), self.processes):
            if isinstance(result, LeftOut):
                left_out.append(result)
                continue
            rows.append(result)
            counts = f"{result.cycles:,} cycles, {result.policy_flash_bytes:,} bytes"
            console.print(f"{result.key}: {counts}", highlight=False)
        if not rows and not left_out:
            raise UsageError("the default suite holds none of these combinations; add --all")
        return Content(_commit(), _machine(), _compiler(), tuple(rows), tuple(left_out))

    def _run_trainer(self, console: Console) -> int:
        require_extra("train", "torch", "stable_baselines3")
        from ..bench.trainer import measure_trainer, trainer_table

        rows = measure_trainer()
        console.print(trainer_table(rows))
        write_whole(self.out / "trainer.json", _trainer_json(rows))
        return 0

    def _selection(self) -> Selection:
        for name, given, allowed in (
            ("net", self.nets, _NETS),
            ("kernel", self.kernels, ALL_KERNELS),
            ("core", self.cores, CORES),
            ("flash model", self.flash_models, FLASH_MODELS),
        ):
            for value in given:
                if value not in allowed:
                    raise UsageError(f"there is no {name} {value!r}; allowed: {', '.join(allowed)}")
        for sparsity in self.sparsities:
            if not 0 <= sparsity < 1:
                raise UsageError(f"a sparsity of {sparsity:g} is out of range; allowed: 0 to below 1")
        if self.processes < 1:
            raise UsageError(f"{self.processes} processes cannot measure anything; allowed: 1 and more")
        nets = tuple(_NETS[net] for net in self.nets)
        return Selection(
            nets, self.sparsities, self.kernels, self.cores, self.flash_models, self.all, self.max_straight
        )

    def _compare(self, content: Content, console: Console) -> int:
        baseline = read_content(self.baseline)
        moved = changes(content.rows, baseline)
        for change in moved:
            style = "red" if change.worse else "green"
            counts = f"{change.before:,} -> {change.now:,} ({change.share:+.1%})"
            console.print(f"[{style}]{change.key}: {change.field} {counts}[/]", highlight=False)
        if self.update_baseline:
            renewed = merged(content, baseline)
            _write(renewed, self.baseline)
            write_whole(self.baseline.parent.parent / "bench.md", bench_page(renewed))
        return int(any(change.worse for change in moved) and not self.update_baseline)


def _write(content: Content, path: Path) -> None:
    """The counts, and a plot beside them for each net and core."""
    write_whole(path, content_text(content))
    for net, core in dict.fromkeys((row.net, row.core) for row in content.rows):
        write_whole(path.parent / f"kernels-{net}-{core}.svg", plot_svg(content.rows, net, core))


def _table(rows: Sequence[KernelRow]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("net", "sparsity", "core", "flash", "kernel"):
        table.add_column(heading, no_wrap=True)
    for heading in ("instructions", "cycles", "mean", "per nonzero", "bytes", "RAM", "compile s"):
        table.add_column(heading, no_wrap=True, justify="right")
    for row in rows:
        names = (row.net, f"{row.sparsity:.0%}", row.core, row.flash_model, row.kernel)
        counts = (row.instructions, row.cycles, round(row.mean_cycles), row.cycles_per_nonzero)
        sizes = (row.policy_flash_bytes, row.ram_bytes)
        table.add_row(*names, *(f"{count:,}" for count in (*counts, *sizes)), f"{row.compile_s:.1f}")
    return table


def _trainer_json(rows: list) -> str:
    content = {
        "suite": "trainer",
        "commit": _commit(),
        "machine": _machine(),
        "rows": [row.as_dict() for row in rows],
    }
    return json.dumps(content, indent=1) + "\n"


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _compiler() -> str:
    return f"zig cc {version('ziglang')}"


def _commit() -> str | None:
    """The commit that is checked out here, None outside of a repository."""
    try:
        result = subprocess.run(("git", "rev-parse", "HEAD"), capture_output=True, text=True)
    except OSError:
        return None
    return result.stdout.strip() or None
