"""QEMU runs the very firmware.elf that a board gets, its USART at a socket."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import time
from pathlib import Path

from ganglion.firmware.board import Board

from .device import DeviceError
from .link import WireDevice

PROGRAM = "qemu-system-arm"


def qemu_device(elf: Path, board: Board, digest: str | None, timeout_s: float = 2.0, attempts: int = 5) -> WireDevice:
    """`elf` on QEMU's model of `board`. QEMU counts no cycles (DWT CYCCNT reads 0), so replies have none."""
    return WireDevice(f"qemu:{board.name}", lambda: QemuStream(elf, board), digest, None, timeout_s, attempts)


class QemuStream:
    """Stream (hil/link.py) to the first serial port of a QEMU process, which ends with it.

    QEMU asks a serial port whether it takes bytes only when its main loop wakes; a port that began to listen meanwhile
    would wait for ever. An empty line to the monitor wakes it.
    """

    END_S = 5.0
    """How long a process gets to end before it is killed."""
    WAKE_S = 0.05
    """How long nothing may come before QEMU is woken."""

    def __init__(self, elf: Path, board: Board) -> None:
        command = _command(elf, board)
        self._socket, remote = socket.socketpair()
        self._monitor, remote_monitor = socket.socketpair()
        with remote, remote_monitor:
            wire = ("-chardev", f"socket,id=wire,fd={remote.fileno()}", "-serial", "chardev:wire")
            monitor = ("-chardev", f"socket,id=monitor,fd={remote_monitor.fileno()}", "-mon", "chardev=monitor")
            self._process = subprocess.Popen(
                [*command, *wire, *monitor], pass_fds=[remote.fileno(), remote_monitor.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip

    def write(self, content: bytes) -> None:
        """Send bytes; DeviceError when QEMU has ended."""
        try:
            self._socket.sendall(content)
        except OSError as error:
            raise self._ended() from error

    def read(self, timeout_s: float) -> bytes:
        """What has come, after waiting up to `timeout_s` for the first byte; DeviceError when QEMU has ended."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            if select.select([self._socket], [], [], min(left_s, self.WAKE_S))[0]:
                return self._receive(self._socket)
            self._wake()
        return b""

    def _receive(self, source: socket.socket) -> bytes:
        try:
            received = source.recv(1 << 16)
        except OSError as error:
            raise self._ended() from error
        if not received:
            raise self._ended()
        return received

    def _wake(self) -> None:
        while select.select([self._monitor], [], [], 0)[0]:
            self._receive(self._monitor)
        try:
            self._monitor.sendall(b"\n")
        except OSError as error:
            raise self._ended() from error

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._monitor.close()
        self._process.terminate()
        try:
            self._process.wait(self.END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stderr.close()

    def _ended(self) -> DeviceError:
        code = self._process.wait(self.END_S)
        words = self._process.stderr.read().decode(errors="replace").strip()
        return DeviceError(f"{PROGRAM} ended with exit code {code}: {words or 'it said nothing'}")


def _command(elf: Path, board: Board) -> list[str]:
    if board.qemu_machine is None:
        raise DeviceError(f"QEMU has no machine for board {board.name}; use the device emulator or a board")
    program = shutil.which(PROGRAM)
    if program is None:
        raise DeviceError(
            f"{PROGRAM} is missing; install QEMU (Debian: apt install qemu-system-arm) or use the device emulator"
        )
    if not elf.is_file():
        raise DeviceError(f"there is no firmware image {elf}; build it first")
    return [program, "-machine", board.qemu_machine, "-kernel", str(elf), "-nodefaults", "-display", "none"]
