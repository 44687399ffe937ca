"""The commands: a dataclass each, whose docstrings are the help, with `run() -> exit code`."""

COMMANDS = {
    "firmware": "ganglion.commands.firmware:Firmware",
    "run": "ganglion.commands.run:Run",
    "compile": "ganglion.commands.compile:Compile",
    "train": "ganglion.commands.train:Train",
    "report": "ganglion.commands.report:Report",
    "doctor": "ganglion.commands.doctor:Doctor",
}
