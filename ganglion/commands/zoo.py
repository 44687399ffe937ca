from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from ganglion.codegen.actor import Actor, read_actor

from ..selection import actor_files, zoo_folder

_HEADINGS = ("environment", "algorithm", "sparsity", "nonzeros", "network", "return in integers", "before", "steps")


@dataclass
class Zoo:
    """List the trained actors that come with Ganglion, and what their files tell of them."""

    markdown: bool = False
    """Print a table for a text file."""

    def run(self) -> int:
        """Read every actor and print one line for each."""
        rows = [_row(read_actor(path)) for path in actor_files(zoo_folder())]
        if self.markdown:
            print("\n".join(f"| {' | '.join(row)} |" for row in (_HEADINGS, ["---"] * len(_HEADINGS), *rows)))
            return 0
        table = Table(*_HEADINGS)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return 0


def _row(actor: Actor) -> tuple[str, ...]:
    policy, about = actor.policy, actor.about
    returns = about["returns"]
    before = returns.get("teacher") or returns.get("float")
    return (
        policy.env_id,
        about["algorithm"],
        f"{about['sparsity']['nominal']:.1%}",
        f"{policy.nonzeros:,}",
        "-".join(map(str, policy.shape)),
        _return(returns.get("quantised")),
        _return(before),
        f"{about['provenance']['steps']:,}",
    )


def _return(summary: dict | None) -> str:
    if summary is None:
        return "not measured"
    return f"{summary['mean']:,.0f} ± {summary['std']:,.0f} ({summary['episodes']} episodes)"
