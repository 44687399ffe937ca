"""The Verilog that is synthesised, simulated: serial port, protocol and core, with exact clock cycles."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

from ganglion.codegen.policy import Policy
from ganglion.hls.design import Design
from ganglion.hls.flow.tools import ToolError
from ganglion.hls.simulator import Simulator, board_bench, build_simulator

from .codes import CodesDevice
from .device import DeviceError

TIMEOUT_S = 60.0
_CHUNK_BYTES = 1 << 16


def rtl_device(
    policy: Policy, design: Design, folder: Path, *, trace: Path | None = None, engine: str | None = None
) -> CodesDevice:
    """A Device that simulates module `ganglion_top` of `design`, built in `folder` when it is entered.

    `trace` names a VCD file to write; `engine` is "verilator" or "icarus" (default: the first that is installed).
    """

    def connect() -> SimulatedPort:
        try:
            built = build_simulator(design, board_bench(design), folder, trace=trace is not None, engine=engine)
        except ToolError as error:
            raise DeviceError(f"rtl: {error}") from error
        return SimulatedPort(built, trace)

    return CodesDevice(f"rtl:{design.kind}", connect, policy, "rtl", TIMEOUT_S)


class SimulatedPort:
    """The serial port of a running simulation, a Stream (hil/link.py)."""

    def __init__(self, simulator: Simulator, trace: Path | None = None) -> None:
        arguments = [] if trace is None else [simulator.trace_argument.format(trace.resolve())]
        self._process = subprocess.Popen(
            [*simulator.command, *arguments], cwd=simulator.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def write(self, content: bytes) -> None:
        """Send bytes to the board; DeviceError when the simulation has ended."""
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            message = self._process.stderr.read().decode(errors="replace").strip()
            raise DeviceError(f"rtl: the simulation has ended: {message or 'without a message'}") from error

    def read(self, timeout_s: float) -> bytes:
        """What the board has sent, waiting up to `timeout_s` for the first byte."""
        ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        return os.read(self._process.stdout.fileno(), _CHUNK_BYTES) if ready else b""

    def close(self) -> None:
        """End the simulation, which closes its trace."""
        self._process.stdin.close()
        try:
            self._process.wait(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()
