from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ganglion.hil.environments import resolve_env_id
from ganglion.hil.page import render_page
from ganglion.hil.report import read_report, write_whole
from ganglion.hil.table import print_report

from ..errors import UsageError
from ..places import latest_link


@dataclass
class Report:
    """Show a report again, and write its HTML page again, from report.json."""

    env: str | None = None
    """Environment: the report of its latest firmware."""
    file: Path | None = None
    """A report.json instead."""
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
        return self.file or latest_link(resolve_env_id(self.env), self.build) / "report.json"
