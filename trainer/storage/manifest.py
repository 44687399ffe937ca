"""Which files a folder was written with, byte for byte: a JSON file of sizes and SHA-256 beside them."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

NAME = "manifest.json"
_LOST = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EIO}


class DamageError(ValueError):
    """A folder whose files are not those of its manifest; the message says which file and why."""


def write_manifest(folder: Path) -> None:
    """Write down every file that lies in `folder`, which holds no folders."""
    paths = sorted(path for path in folder.iterdir() if path.name != NAME)
    (folder / NAME).write_text(_told({path.name: _seen(path) for path in paths}))


def verify(folder: Path) -> None:
    """DamageError for the first file of `folder` that is not as it was written; files that came later do not count."""
    for name, expected in _read(folder).items():
        found = _looked_at(folder / name)
        if found["size"] != expected["size"]:
            raise DamageError(f"{name} has {found['size']:,} bytes, {expected['size']:,} were written")
        if found != expected:
            raise DamageError(f"{name} has not the bytes that were written (its SHA-256 differs)")


def _read(folder: Path) -> dict[str, dict]:
    """Name to size and SHA-256. The very text that `write_manifest` gives is asked for, so that no byte is free; its
    own SHA-256 is in it, so that none of the other files is blamed for it."""
    try:
        text = (folder / NAME).read_bytes().decode()
        files = json.loads(text)["files"]
        whole = text == _told(files) and all(set(entry) == {"size", "sha256"} for entry in files.values())
    except OSError as error:
        raise _damage(NAME, error) from error
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise DamageError(f"{NAME} is not as it was written")
    return files


def _looked_at(path: Path) -> dict:
    try:
        return _seen(path)
    except OSError as error:
        raise _damage(path.name, error) from error


def _damage(name: str, error: OSError) -> Exception:
    """The damage that `error` stands for; other obstacles, such as permissions, are not damage and stay errors."""
    if error.errno not in _LOST:
        return error
    return DamageError(f"{name} is missing" if error.errno == errno.ENOENT else f"{name}: {error.strerror}")


def _seen(path: Path) -> dict:
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _told(files: dict[str, dict]) -> str:
    own = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return json.dumps({"files": files, "sha256": own}, indent=1, sort_keys=True) + "\n"
