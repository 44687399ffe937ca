from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from ganglion.firmware.board_table import HEADINGS, board_rows, markdown_table


@dataclass
class Boards:
    """List the boards: what they are, and where their images have run."""

    markdown: bool = False
    """Print a table for a text file."""

    def run(self) -> int:
        """Read every board's data and print one line for each."""
        if self.markdown:
            print(markdown_table())
            return 0
        table = Table(*HEADINGS)
        for row in board_rows():
            table.add_row(*row)
        Console().print(table)
        return 0
