"""A board on a serial port: `serial:/dev/ttyACM0`."""

from __future__ import annotations

import errno

import serial
from serial.tools import list_ports

from .device import DeviceError
from .link import WireDevice

WRITE_TIMEOUT_S = 5.0
"""How long a port may refuse to take bytes before it counts as gone."""


def serial_device(
    port: str,
    baud: int,
    digest: str | None,
    timeout_s: float = 0.1,
    attempts: int = 40,
    cycle_counter: str = "dwt",
) -> WireDevice:
    """The board at `port`, which runs at `baud`, counts cycles with `cycle_counter` (board.toml), and must hold the
    actor `digest` (None: any). Silence is an error after `attempts` times `timeout_s`; a slow answer to an early
    attempt still counts."""
    return WireDevice(f"serial:{port}", lambda: SerialStream(port, baud), digest, cycle_counter, timeout_s, attempts)


class SerialStream:
    """Stream (hil/link.py) over a serial port with 8 data bits, no parity, 1 stop bit."""

    def __init__(self, port: str, baud: int) -> None:
        try:
            self._serial = serial.Serial(port, baud, exclusive=True, write_timeout=WRITE_TIMEOUT_S)
        except (serial.SerialException, ValueError, OSError) as error:
            raise DeviceError(_explain(port, baud, error)) from error
        self._port = port

    def write(self, content: bytes) -> None:
        """Send bytes; DeviceError when the port is gone or takes none."""
        try:
            self._serial.write(content)
        except serial.SerialTimeoutException as error:
            raise DeviceError(
                f"serial port {self._port} has taken no bytes for {WRITE_TIMEOUT_S:g} s; reset the board or "
                "connect it again"
            ) from error
        except (serial.SerialException, OSError) as error:
            raise DeviceError(f"serial port {self._port} is gone ({error}); connect the board again") from error

    def read(self, timeout_s: float) -> bytes:
        """What has come, after waiting up to `timeout_s` for the first byte."""
        try:
            self._serial.timeout = timeout_s
            first = self._serial.read(1)
            return first + self._serial.read(self._serial.in_waiting) if first else b""
        except (serial.SerialException, OSError) as error:
            raise DeviceError(f"serial port {self._port} is gone ({error}); connect the board again") from error

    def close(self) -> None:
        """Free the port."""
        self._serial.close()


def _explain(port: str, baud: int, error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        ports = ", ".join(sorted(entry.device for entry in list_ports.comports())) or "none"
        return f"there is no serial port {port}; ports here: {ports}. Connect the board or name another port"
    if code == errno.EACCES:
        return f"no permission to open {port}; join the group that owns it (Debian: dialout) and log in again"
    if code in (errno.EBUSY, errno.EAGAIN):
        return f"serial port {port} is in use; end the terminal program that holds it"
    return f"serial port {port} at {baud} baud cannot be opened: {error}"
