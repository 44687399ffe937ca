"""Emulated boards: the image that is flashed runs here, byte for byte, with the cycle model live.

unicorn executes the instructions; the C files beside this module count basic blocks, answer for the
registers, and do the exceptions of the M profile. `Machine` runs a whole image, `Caller` one function of an ELF file.
"""

from .call import Caller, CallResult
from .faults import BudgetError, EmulatorError
from .machine import Machine

__all__ = ["BudgetError", "CallResult", "Caller", "EmulatorError", "Machine"]
