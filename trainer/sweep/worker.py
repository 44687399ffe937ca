"""One run in a process of its own: its output goes to `log.txt` in its folder."""

from __future__ import annotations

import io
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from ..engines import TaskError
from ..storage.disk import writing
from ..storage.names import LOG
from ..train import train
from .plan import Run


def work(run: Run) -> None:
    """Train; TaskError where that fails."""
    beginning = run.beginning.folder if run.beginning else None
    try:
        with _Log(run.folder) as log, redirect_stdout(log), redirect_stderr(log):
            try:
                train(run.protocol, run.folder, start_from=beginning, stop_before=run.stop_before)
            except Exception:
                traceback.print_exc()
                raise
    except Exception as error:
        raise TaskError(f"{type(error).__name__}: {error}") from None


class _Log(io.TextIOBase):
    """Appends to the log in `folder`, line by line; what a full disk does not take is lost, the run goes on."""

    def __init__(self, folder: Path) -> None:
        with writing(folder / LOG):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / LOG).open("ab", buffering=0)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._file.write(text.encode(errors="replace"))
        return len(text)

    def close(self) -> None:
        self._file.close()
        super().close()
