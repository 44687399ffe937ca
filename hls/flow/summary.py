"""summary.json: a bitstream in a few figures, all of them from the tools' reports."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..design import Design
from .synth import Synthesis


def write_summary(synthesis: Synthesis, design: Design, path: Path) -> None:
    """Write what `synthesis` made of `design` to `path`, which appears only when whole. The core latency leaves the
    serial port out."""
    content = {
        "board": synthesis.board,
        "design": synthesis.kind,
        "digest": design.digest,
        "verilog_sha256": design.checksum,
        "bitstream": synthesis.bitstream.name,
        "bitstream_bytes": synthesis.bitstream.stat().st_size,
        "utilisation": {
            name: {"used": used, "available": available} for name, (used, available) in synthesis.utilisation.items()
        },
        "fmax_hz": round(synthesis.fmax_hz),
        "clock_hz": synthesis.clock_hz,
        "cycles": synthesis.cycles,
        "core_latency_us": round(synthesis.core_latency_us, 3),
    }
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(partial, path)
