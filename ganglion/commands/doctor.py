from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..toolbox import look_around, python_version, serial_ports


@dataclass
class Doctor:
    """Show what is installed, what is missing, and what each missing thing would add."""

    def run(self) -> int:
        """Print the findings; 1 when something required is missing."""
        findings = list(look_around())
        table = Table("tool", "found", "for", "to get it", title=f"Python {python_version()}", title_justify="left")
        for finding in findings:
            missing = "[red]MISSING[/]" if finding.tool.required else "[yellow]no[/]"
            get = "" if finding.version else finding.tool.get
            table.add_row(finding.tool.name, finding.version or missing, finding.tool.adds, escape(get))
        ports = serial_ports()
        table.add_row(
            "a board", escape(", ".join(ports)) or "[yellow]no[/]", "runs on the chip (--device serial:PORT)",
            "" if ports else "attach one by USB",
        )  # fmt: skip
        Console().print(table)
        return int(any(finding.tool.required and finding.version is None for finding in findings))
