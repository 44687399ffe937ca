"""The policy's C code as a shared library in this process: the fastest device, without a notion of time."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ganglion.codegen.plan import Plan, PlanError, read_files

from .device import DeviceError, DeviceInfo, Reply

FLAGS = ("-std=c99", "-O2", "-ffp-contract=off", "-shared", "-fPIC")
_RUNTIME_HEADER = "ganglion_policy.h"
_ERROR_LINES = 12


class _CPolicy(ctypes.Structure):
    """`struct ganglion_policy` of firmware/runtime/ganglion_policy.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("kernel", ctypes.c_char_p),
        ("digest", ctypes.c_uint8 * 32),
        ("features", ctypes.c_uint16),
        ("actions", ctypes.c_uint16),
        ("infer", ctypes.CFUNCTYPE(ctypes.c_uint8, ctypes.c_void_p, ctypes.c_void_p)),
        ("self_test", ctypes.CFUNCTYPE(ctypes.c_int)),
    )


class NativeDevice:
    """Compile a plan, or the folder of one, with the host's C compiler and run it.

    Entering compiles (once for each plan and compiler: the library stays in `cache`), loads and runs the
    self-test; DeviceError when there is no compiler, it fails, or the self-test does.
    """

    info: DeviceInfo

    def __init__(self, source: Plan | Path, compiler: tuple[str, ...] | None = None, cache: Path | None = None) -> None:
        self._source = source
        self._compiler = compiler
        self._cache = cache or default_cache()
        self._policy: _CPolicy | None = None

    def __enter__(self) -> Self:
        library = build_library(_sources(self._source), self._compiler or find_compiler(), self._cache)
        try:
            policy = _CPolicy.in_dll(ctypes.CDLL(str(library)), "ganglion_policy")
        except (OSError, ValueError) as error:
            raise DeviceError(f"native: {library} cannot be loaded ({error}); delete it and try again") from error
        failed = policy.self_test()
        if failed:
            raise DeviceError(
                f"native: known answer {failed} of policy {policy.name.decode()!r} does not come out; "
                "the C compiler breaks exact arithmetic, use another one"
            )
        self._policy = policy
        self._codes = np.zeros(policy.actions, np.int16)
        self.info = DeviceInfo("native", bytes(policy.digest).hex(), policy.kernel.decode(), None, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._policy = None

    def infer(self, observation: np.ndarray) -> Reply:
        """Run the policy on one observation, float32 (features,); cycles are None."""
        if self._policy is None:
            raise DeviceError("native: the device is not open; use it in a with statement")
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(observation, np.float32)
        if values.shape != (self._policy.features,):
            raise DeviceError(f"native: the observation has shape {values.shape}; ({self._policy.features},) is needed")
        status = self._policy.infer(values.ctypes.data, self._codes.ctypes.data)
        return Reply(self._codes.copy(), status, None)


def find_compiler() -> tuple[str, ...]:
    """The command of a C compiler: cc, gcc or clang from PATH, or Zig's from its Python package."""
    for name in ("cc", "gcc", "clang"):
        path = shutil.which(name)
        if path:
            return (path,)
    if find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc")
    raise DeviceError("native: no C compiler (cc, gcc, clang) on PATH and no ziglang package; pip install ziglang")


def default_cache() -> Path:
    """Where libraries are kept: ganglion/native in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganglion" / "native"


def build_library(sources: dict[str, str], compiler: tuple[str, ...], cache: Path, unit: str = "policy.c") -> Path:
    """Compile `unit` among `sources` to a library in `cache`, or find it there; DeviceError when it fails."""
    key = hashlib.sha256(repr((list(sources.items()), unit, compiler, FLAGS)).encode()).hexdigest()
    library = cache / f"{key[:32]}.so"
    if library.exists():
        return library
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            for path, text in sources.items():
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            built = Path(folder, "library.so")
            _run_compiler((*compiler, *FLAGS, str(Path(folder, unit)), "-o", str(built)))
            os.replace(built, library)
    except OSError as error:
        raise DeviceError(f"native: cannot build in {cache} ({error}); give another cache folder") from error
    return library


def _sources(source: Plan | Path) -> dict[str, str]:
    """The plan's files and the runtime's header, {relative path: text}."""
    try:
        sources = source.files if isinstance(source, Plan) else read_files(source)
    except PlanError as error:
        raise DeviceError(f"native: {error}") from error
    header = files("ganglion.firmware").joinpath("runtime", _RUNTIME_HEADER).read_text(encoding="utf-8")
    return {**sources, _RUNTIME_HEADER: header}


def _run_compiler(command: tuple[str, ...]) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise DeviceError(f"native: {command[0]} cannot be started ({error}); install a C compiler") from error
    if result.returncode:
        last = "\n".join((result.stderr or result.stdout).strip().splitlines()[-_ERROR_LINES:])
        raise DeviceError(f"native: {command[0]} ended with exit code {result.returncode}:\n{last}")
