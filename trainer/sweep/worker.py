"""One run in a process of its own: its output goes to `log.txt` in its folder."""

from __future__ import annotations

import traceback
from contextlib import redirect_stderr, redirect_stdout

from ..engines import TaskError
from ..train import train
from .plan import Run

LOG = "log.txt"


def work(run: Run) -> None:
    """Train; TaskError where that fails."""
    run.folder.mkdir(parents=True, exist_ok=True)
    beginning = run.beginning.folder if run.beginning else None
    with (run.folder / LOG).open("a", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        try:
            train(run.protocol, run.folder, start_from=beginning, stop_before=run.stop_before)
        except Exception as error:
            traceback.print_exc()
            raise TaskError(f"{type(error).__name__}: {error}") from None
