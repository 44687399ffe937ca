"""QEMU runs the very firmware.elf that a board gets, its USART at a socket."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
from pathlib import Path

from ganglion.firmware.board import Board

from .device import DeviceError
from .link import WireDevice

PROGRAM = "qemu-system-arm"


def qemu_device(elf: Path, board: Board, digest: str | None, timeout_s: float = 2.0, attempts: int = 5) -> WireDevice:
    """`elf` on QEMU's model of `board`. QEMU counts no cycles (DWT CYCCNT reads 0), so replies have none."""
    return WireDevice(f"qemu:{board.name}", lambda: QemuStream(elf, board), digest, None, timeout_s, attempts)


class QemuStream:
    """Stream (hil/link.py) to the first serial port of a QEMU process, which ends with it."""

    END_S = 5.0
    """How long a process gets to end before it is killed."""

    def __init__(self, elf: Path, board: Board) -> None:
        command = _command(elf, board)
        self._socket, remote = socket.socketpair()
        with remote:
            wire = ("-chardev", f"socket,id=wire,fd={remote.fileno()}", "-serial", "chardev:wire")
            self._process = subprocess.Popen(
                [*command, *wire],
                pass_fds=[remote.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip

    def write(self, content: bytes) -> None:
        """Send bytes; DeviceError when QEMU has ended."""
        try:
            self._socket.sendall(content)
        except OSError as error:
            raise self._ended() from error

    def read(self, timeout_s: float) -> bytes:
        """What has come, after waiting up to `timeout_s` for the first byte; DeviceError when QEMU has ended."""
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return b""
        try:
            received = self._socket.recv(1 << 16)
        except OSError as error:
            raise self._ended() from error
        if not received:
            raise self._ended()
        return received

    def close(self) -> None:
        """End the process."""
        self._socket.close()
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
