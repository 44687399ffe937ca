from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ganglion.hil.environments import file_name, resolve_env_id

from ..extras import require_extra
from ..selection import zoo_folder

_KINDS = ("svg", "png")


@dataclass
class Figure:
    """Draw return against sparsity for an environment: published, trained by the protocol, and distilled.

    Actors come from the zoo and from folders of `ganglion train`, `sweep`, `distil` and `limit`. Each point tells the
    weights that are left and what it took: processor minutes where a record tells, environment steps otherwise.
    """

    env: str
    """Environment, such as Hopper or Hopper-v4."""
    runs: tuple[Path, ...] = ()
    """Folders with more actors; all that they hold for the environment are drawn."""
    zoo: bool = True
    """Draw the zoo's actors."""
    out: Path | None = None
    """File without suffix to write, .svg and .png; by default runs/<environment>-sparsity."""

    def run(self) -> int:
        """Collect, draw, write."""
        require_extra("train", "torch", "stable_baselines3")
        from ganglion.trainer.comparison import collect, draw_comparison

        env_id = resolve_env_id(self.env)
        entries = collect(env_id, zoo_folder() if self.zoo else Path(os.devnull), self.runs)
        stem = self.out or Path("runs", f"{file_name(env_id)}-sparsity")
        stem.parent.mkdir(parents=True, exist_ok=True)
        console = Console()
        for kind in _KINDS:
            path = stem.with_name(f"{stem.name}.{kind}")
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(draw_comparison(entries, env_id, kind))
            os.replace(partial, path)
            console.print(f"{path}: {len(entries)} actors", highlight=False, soft_wrap=True)
        return 0
