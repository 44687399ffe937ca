"""The emulated board as a Device: the firmware's own bytes, over the wire protocol, in this process."""

from __future__ import annotations

from pathlib import Path

from ganglion.codegen.timing import ZERO_WAIT, cycles_source, load_core, load_flash_model
from ganglion.firmware.board import Board
from ganglion.firmware.emulator import EmulatorError, Machine
from ganglion.firmware.emulator.library import LibraryError
from ganglion.firmware.emulator.peripheral_map import PeripheralMapError

from .device import DeviceError
from .link import WireDevice


class EmulatorStream:
    """Stream (hil/link.py) to the serial port of an emulated board. The board runs inside `read`.

    With `timed`, bytes take their time on the line at the board's baud rate, and `read` returns with each packet.
    """

    def __init__(
        self,
        elf: Path,
        board: Board,
        refill: int | None = None,
        flash_model: str = ZERO_WAIT,
        timed: bool = False,
    ) -> None:
        try:
            self.machine = Machine(elf, board, refill, flash_model=flash_model)
            if timed:
                self.machine.set_baud(board.usart.baud)
        except (EmulatorError, LibraryError, PeripheralMapError) as error:
            raise DeviceError(f"emulator:{board.name}: {error}") from error
        self._name = f"emulator:{board.name}"
        self._waiting = b""

    def write(self, content: bytes) -> None:
        """Put bytes on the line."""
        self._waiting += content

    def read(self, timeout_s: float) -> bytes:
        """Run the board until it sleeps and return what it sent; emulated time does not pass by `timeout_s`."""
        content, self._waiting = self._waiting, b""
        try:
            return self.machine.exchange(content)
        except EmulatorError as error:
            raise DeviceError(f"{self._name}: {error}") from error

    def close(self) -> None:
        """Free the board."""
        self.machine.close()


class EmulatorDevice(WireDevice):
    """`elf` on the emulated `board`; `digest` (hex) is the actor that must be there, None takes any.

    Cycles are those that the firmware reads from DWT CYCCNT, which the cycle model feeds with `refill` cycles of
    pipeline refill (default: the core's) and the flash model of that name. `timed` as in EmulatorStream. `machine`
    is there once the device is entered.
    """

    machine: Machine

    def __init__(
        self,
        elf: Path,
        board: Board,
        digest: str | None = None,
        refill: int | None = None,
        flash_model: str = ZERO_WAIT,
        timed: bool = False,
    ) -> None:
        core, model = load_core(board.core), load_flash_model(flash_model)
        refill = core.refill(refill)

        def connect() -> EmulatorStream:
            stream = EmulatorStream(elf, board, refill, flash_model, timed)
            self.machine = stream.machine
            return stream

        source = cycles_source(core, refill, model)
        super().__init__(f"emulator:{board.name}", connect, digest, source, timeout_s=60.0, attempts=2)
