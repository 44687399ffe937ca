"""The prices that a choice was made from, as a table."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .choice import Choice


def print_choice(choice: Choice, console: Console) -> None:
    """Print every candidate with what is against it, the chosen one in bold, and the reason."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("kernel", no_wrap=True)
    for heading in ("cycles", "flash bytes", "RAM bytes"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for price in sorted(choice.candidates, key=lambda price: price.cycles):
        chosen = price == choice.price
        note = f"chosen: {choice.reason}" if chosen else "; ".join(choice.limits.misses(price))
        counts = (price.cycles, price.flash_bytes, price.ram_bytes)
        table.add_row(price.kernel, *(f"{count:,}" for count in counts), note, style="bold" if chosen else None)
    for refusal in choice.refused:
        table.add_row(refusal.kernel, "-", "-", "-", escape(refusal.reason))
    console.print(table)
