from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ganglion.hil.environments import base_name, resolve_env_id
from ganglion.hil.page import render_page
from ganglion.hil.report import read_report, write_whole
from ganglion.hil.table import print_report

from ..errors import UsageError
from ..places import device_reports, is_current, latest_link


@dataclass
class Report:
    """Show a report again, and write its HTML page again, from report.json."""

    env: str | None = None
    """Environment: the report of its latest firmware."""
    file: Path | None = None
    """A report.json instead."""
    device: str | None = None
    """The report of the latest `ganglion run` on this device (native, emulator, qemu, rtl or serial) instead of
    firmware's."""
    build: Path = Path("build")
    """Folder of all that was built."""

    def run(self) -> int:
        """Read, print, render."""
        path = self._path()
        report = read_report(path)
        page = path.with_suffix(".html")
        write_whole(page, render_page(report))
        console = Console()
        print_report(report, console)
        console.print(str(page), highlight=False, soft_wrap=True)
        return 0

    def _path(self) -> Path:
        if (self.env is None) == (self.file is None):
            raise UsageError("say which report: either an environment (--env Hopper) or a file (--file report.json)")
        if self.device is None:
            return self.file or self._of_firmware(resolve_env_id(self.env))
        if self.file is not None:
            raise UsageError("--device goes with --env; --file names one report")
        return self._of_run(resolve_env_id(self.env), self.device.partition(":")[0])

    def _of_firmware(self, env_id: str) -> Path:
        path = latest_link(env_id, self.build) / "report.json"
        there = [] if path.exists() else sorted({each.stem for each in device_reports(env_id, self.build)})
        if there:
            kinds = ", ".join(stem.removeprefix("report-") for stem in there)
            raise UsageError(f"{path}: there is no such report; of runs there is --device {kinds}")
        if not is_current(path):
            raise UsageError(
                f"{path} is of another image than the one beside it, which was built later; measure that one: "
                f"make firmware ENV={base_name(env_id)}, or show the old report with --file"
            )
        return path

    def _of_run(self, env_id: str, kind: str) -> Path:
        paths = device_reports(env_id, self.build, kind)
        if not paths:
            raise UsageError(
                f"there is no report of {env_id} on {kind} in {self.build}; write one with: "
                f"make hil ENV={base_name(env_id)} DEVICE={kind}"
            )
        return max(paths, key=lambda path: path.stat().st_mtime_ns)
