"""A serial port for the tests: a pseudo-terminal, and a function that answers what comes in."""

from __future__ import annotations

import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def played_port(exchange: Callable[[bytes], bytes]) -> Iterator[str]:
    """The name of a port behind which `exchange` turns received bytes into sent ones."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)

    def play() -> None:
        while True:
            try:
                received = os.read(ours, 4096)
            except OSError:
                return
            os.write(ours, exchange(received))

    player = threading.Thread(target=play, daemon=True)
    player.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.close(theirs)
        player.join(5)
        os.close(ours)
