"""The prices that a choice was made from, as a table."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .choice import Choice


def print_choice(choice: Choice, console: Console) -> None:
    """Print every candidate, the fastest first and the chosen one in bold, the reason, and what was not priced."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("kernel", no_wrap=True)
    for heading in ("cycles", "flash bytes", "RAM bytes"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for price in sorted(choice.candidates, key=lambda price: price.cycles):
        chosen = price == choice.price
        note = "chosen" if chosen else ", ".join(f"over {option}" for option in choice.limits.broken(price))
        counts = (price.cycles, price.flash_bytes, price.ram_bytes)
        table.add_row(price.kernel, *(f"{count:,}" for count in counts), note, style="bold" if chosen else None)
    console.print(table)
    lines = [f"{choice.price.kernel}: {choice.reason}"]
    lines += [f"not {refusal.kernel}: {refusal.reason}" for refusal in choice.refused]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
