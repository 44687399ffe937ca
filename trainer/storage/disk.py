"""What a disk may do to a run: refuse to write. One error says what, where, why and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_FLUSHES_NO_FOLDERS = {errno.EINVAL, errno.ENOTSUP}


class DiskError(OSError):
    """A file that could not be written; the message says which, why and what to do."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """DiskError about `path` for what the operating system says against writing it."""
    try:
        yield
    except DiskError:
        raise
    except OSError as error:
        remedy = "free space" if error.errno in _FULL else "see to it that it can be written"
        then = ", then start the same command again: it goes on from what was written last"
        if error.errno in _CLOSED:
            then = ", or choose another folder"
        raise DiskError(f"{path} could not be written ({error.strerror or error}); {remedy}{then}") from error


def flush(path: Path) -> None:
    """Have the file or folder `path` on disk itself when this returns, as far as its file system can; OSError else."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno in _FLUSHES_NO_FOLDERS):
            raise
    finally:
        os.close(descriptor)


def say(line: str) -> None:
    """Print `line` at once; where output goes to a disk that is full it is lost, and whatever runs goes on."""
    try:
        print(line, flush=True)
    except OSError as error:
        if error.errno not in _FULL:
            raise
