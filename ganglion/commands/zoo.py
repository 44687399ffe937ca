from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ganglion.codegen.actor import Actor, read_actor

from ..selection import actor_files, zoo_folder

_HEADINGS = ("actor", "sparsity", "nonzeros", "return", "95 %", "network", "before", "episodes", "steps")
_IN_A_TERMINAL = 5
_STANDARD_ERRORS = 2.0


@dataclass
class Zoo:
    """List the trained actors that come with Ganglion, and what their files tell of them."""

    markdown: bool = False
    """Print a table for a text file."""

    def run(self) -> int:
        """Read every actor and print one line for each."""
        zoo = zoo_folder()
        rows = [(_name(path, zoo), *_facts(read_actor(path))) for path in actor_files(zoo)]
        if self.markdown:
            print("\n".join(f"| {' | '.join(row)} |" for row in (_HEADINGS, ["---"] * len(_HEADINGS), *rows)))
            return 0
        table = Table(*_HEADINGS[:_IN_A_TERMINAL], box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for row in rows:
            table.add_row(*row[:_IN_A_TERMINAL])
        console = Console(highlight=False, soft_wrap=True)
        console.print(table)
        told = "returns of the integer actors: mean ± deviation over episodes, mean ± 2 standard errors (about 95 %)"
        console.print(f"{told}; --markdown tells more")
        return 0


def _name(path: Path, zoo: Path) -> str:
    return path.relative_to(zoo).with_suffix("").as_posix()


def _facts(actor: Actor) -> tuple[str, ...]:
    policy, about = actor.policy, actor.about
    returns = about["returns"]
    return (
        f"{about['sparsity']['nominal']:.1%}",
        f"{policy.nonzeros:,}",
        _return(returns.get("quantised")),
        _interval(returns.get("quantised")),
        "-".join(map(str, policy.shape)),
        _return(returns.get("teacher") or returns.get("float")),
        str(returns.get("quantised", {}).get("episodes", "-")),
        f"{about['provenance']['steps']:,}",
    )


def _return(summary: dict | None) -> str:
    return "not measured" if summary is None else f"{summary['mean']:,.0f} ± {summary['std']:,.0f}"


def _interval(summary: dict | None) -> str:
    """Where the mean over all episodes of this one actor lies; seeds of training are another matter."""
    if summary is None or summary["episodes"] < 2:
        return "not measured"
    error = _STANDARD_ERRORS * summary["std"] / math.sqrt(summary["episodes"])
    return f"{summary['mean'] - error:,.0f} to {summary['mean'] + error:,.0f}"
