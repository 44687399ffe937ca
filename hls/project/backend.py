"""The high-level synthesis tools that hls4ml writes projects for, and how each is run."""

from __future__ import annotations

from dataclasses import dataclass


class BackendError(ValueError):
    """A backend, strategy or reuse factor that does not exist; the message lists what does."""


@dataclass(frozen=True)
class Backend:
    """A vendor's tool, whose `program` is looked for on PATH. `command` runs the project's own script from within its
    folder, `{name}` being the project's name. `ac_types` tells the library of fixed-point types: ac_types or ap_types.
    `part` is what is synthesised for unless the user says otherwise; `strategies` are hls4ml's, the default first."""

    name: str
    tool: str
    program: str
    part: str
    strategies: tuple[str, ...]
    ac_types: bool
    command: tuple[str, ...]


_XILINX = ("latency", "resource", "resource_unrolled", "distributed_arithmetic")
_CATAPULT = 'set ::argv "reset=0 csim=1 synth=1 cosim=0 validation=0 export=0 vsynth=0 verilog=1"'
BACKENDS = {
    backend.name: backend
    for backend in (
        Backend(
            "Vitis", "AMD Vitis HLS", "vitis-run", "xc7z020clg400-1", _XILINX, False,
            ("vitis-run", "--mode", "hls", "--tcl", "build_prj.tcl"),
        ),
        Backend(
            "Vivado", "AMD Vivado HLS", "vivado_hls", "xc7z020clg400-1", _XILINX, False,
            ("vivado_hls", "-f", "build_prj.tcl", "csim=1 synth=1 cosim=0 validation=0 export=0 vsynth=0"),
        ),
        Backend(
            "Quartus", "Intel HLS Compiler", "i++", "Arria10", ("resource",), True,
            ("make", "{name}-fpga"),
        ),
        Backend(
            "Catapult", "Siemens Catapult", "catapult", "xcku115-flvb2104-2-i", ("latency", "resource"), True,
            ("catapult", "-product", "ultra", "-shell", "-f", "build_prj.tcl", "-eval", _CATAPULT),
        ),
    )
}  # fmt: skip
"""Every backend by its name, in hls4ml's spelling."""


def read_backend(name: str) -> Backend:
    """The backend called `name`, in any case; BackendError when there is none."""
    for backend in BACKENDS.values():
        if backend.name.lower() == name.lower():
            return backend
    raise BackendError(f"backend {name!r} is unknown; allowed: {', '.join(BACKENDS)}")
