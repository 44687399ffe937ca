"""Scripts that stand in for the synthesis tools, so that what is made of their reports can be tested in no time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

FULL = """Info: Device utilisation:
Info: \t         ICESTORM_LC:  6000/ 5280   113%
Info: \t        ICESTORM_RAM:    10/   30    33%
ERROR: Unable to place cell 'x', no Bels remaining of type 'ICESTORM_LC'
"""


def install_tools(folder: Path, monkeypatch) -> Callable[..., None]:
    """Put `folder` first on PATH. The result writes a script under each tool's name there: its `fmax_mhz` is what
    they report, its `log` what the router says before it fails; the router writes a line to `calls` each time."""
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def install(fmax_mhz: float = 50.0, log: str | None = None) -> None:
        report = {
            "fmax": {"clk": {"achieved": fmax_mhz, "constraint": 39.0}},
            "utilization": {"ICESTORM_LC": {"used": 1152, "available": 5280}},
        }
        (folder / "report").write_text(json.dumps(report))
        (folder / "log").write_text(log or "")
        (folder / "calls").unlink(missing_ok=True)
        end = f"cp {folder}/report report.json; touch routed.asc; exit {int(bool(log))}"
        route = f"echo >> {folder}/calls; cat {folder}/log; {end}"
        for name, body in {"yosys": 'echo "$@"', "nextpnr-ice40": route, "icepack": 'cp "$1" "$2"'}.items():
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)

    return install
