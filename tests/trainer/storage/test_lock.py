"""One process at a time trains in a folder, and one that is killed leaves no lock."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from ganglion.trainer.storage.disk import DiskError
from ganglion.trainer.storage.folder import FolderError
from ganglion.trainer.storage.lock import locked


def test_a_second_one_is_told_which_process_has_the_folder(tmp_path):
    with locked(tmp_path / "run"):
        message = rf"another process \(pid {os.getpid()} on .+\) trains in .*run; wait for it or choose another folder"
        with pytest.raises(FolderError, match=message), locked(tmp_path / "run"):
            pass
        with locked(tmp_path / "other"):
            pass
    with locked(tmp_path / "run"):
        pass


def test_a_process_that_was_killed_has_it_no_more(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from ganglion.trainer.storage.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    print('locked', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    with pytest.raises(FolderError, match=f"pid {process.pid} on"), locked(tmp_path):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_is_gone_on_with(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "refused")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path), locked(tmp_path):
        pass


def test_a_full_disk_takes_no_name_but_the_lock(tmp_path, full_disk):
    with (
        full_disk(),
        locked(tmp_path),
        pytest.raises(FolderError, match="another process trains in"),
        locked(tmp_path),
    ):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="file could not be written"), locked(tmp_path / "file"):
        pass
