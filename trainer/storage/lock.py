"""One process at a time trains in a folder: a lock that the kernel releases however the process ends."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .disk import writing
from .folder import FolderError
from .names import LOCK

_HAS_NO_LOCKS = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL}
_LONGEST_OWNER = 1_000


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` and hold its lock; FolderError where another process holds it, DiskError where it cannot be made.

    The lock's file stays and tells who held it last; a file system without locks is gone on with.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with writing(folder / LOCK):
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(descriptor, folder)
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, _LONGEST_OWNER, 0).decode(errors="replace").strip()
        told = f" ({owner})" if owner else ""
        raise FolderError(f"another process{told} trains in {folder}; wait for it or choose another folder") from None
    except OSError as error:
        if error.errno not in _HAS_NO_LOCKS:
            raise


def _sign(descriptor: int) -> None:
    """Tell others who holds the lock, as far as the disk has room for it."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
