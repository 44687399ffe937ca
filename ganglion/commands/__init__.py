"""The commands: a dataclass each, whose docstrings are the help, with `run() -> exit code`."""

COMMANDS = {
    "firmware": "ganglion.commands.firmware:Firmware",
    "run": "ganglion.commands.run:Run",
    "flash": "ganglion.commands.flash:Flash",
    "boards": "ganglion.commands.boards:Boards",
    "compile": "ganglion.commands.compile:Compile",
    "export": "ganglion.commands.export:Export",
    "train": "ganglion.commands.train:Train",
    "sweep": "ganglion.commands.sweep:Sweep",
    "teach": "ganglion.commands.teach:Teach",
    "harden": "ganglion.commands.harden:Harden",
    "distil": "ganglion.commands.distil:Distil",
    "limit": "ganglion.commands.limit:Limit",
    "figure": "ganglion.commands.figure:Figure",
    "bitstream": "ganglion.commands.bitstream:Bitstream",
    "hls": "ganglion.commands.hls:Hls",
    "report": "ganglion.commands.report:Report",
    "zoo": "ganglion.commands.zoo:Zoo",
    "bench": "ganglion.commands.bench:Bench",
    "doctor": "ganglion.commands.doctor:Doctor",
}
