"""Observations that somebody recorded, for policies without a simulator."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from .settings import DistilError

_NAME = "observations"


def load_observations(path: Path) -> np.ndarray:
    """The array (n, features) in an .npy file, or the one called "observations" in an .npz file."""
    try:
        content = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise DistilError(f"{path}: there is no such file") from error
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DistilError(f"{path}: not a file of numpy's ({error}); save it with numpy.save or numpy.savez") from error
    if isinstance(content, np.ndarray):
        array = content
    elif _NAME in content:
        array = content[_NAME]
    else:
        raise DistilError(f"{path}: no array is called {_NAME!r}; there is {', '.join(content.files) or 'none'}")
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise DistilError(f"{path}: the observations are {array.dtype}; real numbers are needed")
    return array
