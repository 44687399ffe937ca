"""What a user sees: one clear line and an exit code, or a report."""

import json
import subprocess
import sys

import pytest

from ganglion import measure as measuring
from ganglion.commands import COMMANDS
from ganglion.main import main
from tests.support.actors import hopper_actor, hopper_policy
from tests.support.devices import Dying, OracleDevice, WrongOnce


@pytest.fixture
def actor_file(tmp_path):
    return hopper_actor(tmp_path)[0]


@pytest.fixture
def run_native(actor_file, tmp_path, monkeypatch):
    """Run two episodes on the host; returns the exit code, the report and a way to put in another device."""
    monkeypatch.setattr(measuring, "CORNER_OBSERVATIONS", 60)

    def run(device=None):
        if device:
            monkeypatch.setattr("ganglion.commands.run.open_device", lambda spec, built, flash_model: device)
        arguments = [
            "run",
            "--actor",
            actor_file,
            "--device",
            "native",
            "--episodes",
            "2",
            "--build",
            tmp_path / "build",
        ]
        code = main([str(argument) for argument in arguments])
        name = "report-native.json" if code in (0, 1) else "report-native.partial.json"
        (path,) = (tmp_path / "build").glob(f"*/{name}")
        return code, json.loads(path.read_text())

    return run


def fails(capsys, *arguments):
    """Run a command that must fail by a user error; returns its message."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith("ganglion: ") and captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def test_a_run_on_the_host_writes_its_report(run_native, capsys):
    code, report = run_native()
    assert code == 0
    assert report["equality"]["mismatches"] == 0
    assert report["equality"]["corner_observations"]["inferences"] == 60
    assert report["reward"]["episodes"] == 2
    assert "no mismatch" in " ".join(capsys.readouterr().out.split())


def test_a_mismatch_is_exit_code_1(run_native):
    code, report = run_native(WrongOnce(hopper_policy(), at=20))
    assert code == 1
    assert report["equality"]["mismatches"] == 1


@pytest.mark.parametrize("where", ["closed_loop", "corner_observations"])
def test_a_device_that_dies_is_exit_code_2_and_its_report_is_partial(run_native, where, capsys):
    _, whole = run_native()
    steps = whole["equality"]["closed_loop"]["inferences"]
    at = steps - 1 if where == "closed_loop" else steps + 10
    code, report = run_native(Dying(hopper_policy(), at))
    assert code == 2
    assert report["equality"]["inferences"] == at
    assert ("corner_observations" in report["equality"]) == (where == "corner_observations")
    assert "did not answer" in report["partial"]["reason"]
    assert "ganglion: fake:oracle did not answer within 1 s" in capsys.readouterr().err


def test_ctrl_c_is_exit_code_130_and_its_report_is_partial(run_native):
    code, report = run_native(Dying(hopper_policy(), 15, KeyboardInterrupt()))
    assert code == 130
    assert report["partial"]["reason"] == "interrupted by the user"


def test_a_partial_run_leaves_a_finished_report_alone(run_native, tmp_path):
    _, whole = run_native()
    _, partial = run_native(Dying(hopper_policy(), 15))
    (path,) = (tmp_path / "build").glob("*/report-native.json")
    assert json.loads(path.read_text()) == whole
    assert path.with_suffix(".html").exists()
    assert partial["partial"]["unfinished"]["steps"] == 15
    run_native(OracleDevice(hopper_policy()))
    assert not list(path.parent.glob("*.partial.*"))


def test_a_device_with_another_actor_is_refused(run_native, actor_file, tmp_path, capsys, monkeypatch):
    device = OracleDevice(hopper_policy(seed=5))
    monkeypatch.setattr("ganglion.commands.run.open_device", lambda spec, built, flash_model: device)
    assert "build the firmware again" in fails(capsys, "run", "--actor", actor_file, "--build", tmp_path / "build")


def test_report_renders_again_what_was_measured(run_native, tmp_path, capsys):
    run_native()
    (path,) = (tmp_path / "build").glob("*/report-native.json")
    page = path.with_suffix(".html")
    before = page.read_bytes()
    page.unlink()
    assert main(["report", "--file", str(path)]) == 0
    assert page.read_bytes() == before


def test_the_report_of_a_device_is_found_by_its_name(run_native, tmp_path, capsys):
    run_native()
    build = ("--build", str(tmp_path / "build"))
    assert "of runs there is --device native" in fails(capsys, "report", "--env", "Hopper", *build)
    assert main(["report", "--env", "Hopper", "--device", "native", *build]) == 0
    assert "report-native.html" in capsys.readouterr().out
    message = fails(capsys, "report", "--env", "Hopper", "--device", "qemu", *build)
    assert "no report of Hopper-v4 on qemu" in message and "make hil ENV=Hopper DEVICE=qemu" in message
    assert "--file names one report" in fails(capsys, "report", "--file", "x.json", "--device", "qemu", *build)


def test_a_report_of_another_image_is_not_shown_as_that_of_the_latest(run_native, tmp_path, capsys):
    _, report = run_native()
    (path,) = (tmp_path / "build").glob("*/report-native.json")
    noted = path.with_name("image.sha256")
    assert noted.read_text().strip() == report["build"]["image"]
    noted.write_text("0" * 64 + "\n")
    build = ("--env", "Hopper", "--build", tmp_path / "build")
    assert "no report of Hopper-v4 on native" in fails(capsys, "report", *build, "--device", "native")
    assert main(["report", "--file", str(path)]) == 0
    latest = tmp_path / "build" / "Hopper"
    latest.symlink_to(path.parent.name, target_is_directory=True)
    path.rename(path.with_name("report.json"))
    assert "is of another image than the one beside it" in fails(capsys, "report", *build)
    noted.write_text(report["build"]["image"] + "\n")
    assert main(["report", *map(str, build)]) == 0


def test_compile_writes_the_same_files_twice(actor_file, tmp_path, capsys):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder, option in zip(folders, ([], ["--actor"]), strict=True):
        assert main(["compile", *option, str(actor_file), "--out", str(folder)]) == 0
    contents = [{path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} for folder in folders]
    assert contents[0] == contents[1]
    assert {"hopper.h", "policy.c"} <= contents[0].keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "say which actor"),
        (("run", "--env", "Hoper"), "did you mean Hopper"),
        (("run", "--env", "Hopper", "--zoo", "/nowhere"), "make train ENV=Hopper"),
        (("run", "--env", "Hopper", "--device", "nativ"), "did you mean native"),
        (("run", "--env", "Hopper", "--episodes", "0"), "at least 1"),
        (
            ("run", "--env", "Hopper", "--flash-model", "stm32f405-art"),
            "is for the emulator and for the choice of a kernel, not for native",
        ),
        (
            ("run", "--env", "Hopper", "--device", "emulator", "--flash-model", "stm32-art"),
            "did you mean 'stm32f405-art'",
        ),
        (("run", "--actor", "nothing.safetensors"), "there is no such actor file"),
        (("compile", "nothing.safetensors", "--out", "x"), "there is no such actor file"),
        (("compile", "--out", "x"), "say which actor"),
        (("compile", "one", "--actor", "two", "--out", "x"), "one and two; give one of them"),
        (("compile", "one", "--env", "Hopper", "--out", "x"), "both Hopper and one were given"),
        (("compile", "one", "--sparsity", "0.5", "--out", "x"), "--sparsity 0.5 chooses among the zoo's actors"),
        (("report",), "say which report"),
        (("report", "--env", "Hopper", "--build", "/nowhere"), "there is no such report"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message, capsys):
    assert message in fails(capsys, *arguments)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--target", "cortex-m44", "did you mean cortex-m4"),
        ("--board", "stm32f40", "did you mean 'stm32f405'"),
        ("--toolchain", "icc", "allowed: zig, gcc"),
    ],
)
def test_an_unknown_choice_of_the_firmware_is_one_clear_line(option, value, message, actor_file, tmp_path, capsys):
    arguments = ("firmware", "--actor", actor_file, "--build", tmp_path / "build", option, value)
    assert message in fails(capsys, *arguments)
    assert not (tmp_path / "build").exists()


def test_an_unwritable_place_is_named(actor_file, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert str(blocked) in fails(capsys, "compile", actor_file, "--out", blocked / "out")


def test_the_traceback_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("GANGLION_DEBUG", "1")
    with pytest.raises(ValueError, match="say which actor"):
        main(["run"])


def test_a_defect_of_ours_is_not_dressed_up(monkeypatch):
    monkeypatch.setattr("ganglion.commands.doctor.serial_ports", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])


def test_doctor_names_every_tool(capsys):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for tool in ("unicorn", "arm-none-eabi-gcc", "qemu-system-arm", "verilator", "yosys", "a board"):
        assert tool in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert "--help" in capsys.readouterr().out


def test_the_module_can_be_run_and_imports_no_torch():
    code = "import sys, ganglion.main; print(ganglion.main.main(['report', '--env', 'Hoper']), 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "2 False\n"
    module = subprocess.run([sys.executable, "-m", "ganglion", "report"], capture_output=True, text=True)
    assert module.returncode == 2 and module.stderr.startswith("ganglion: say which report")


def test_a_run_that_fails_leaves_the_latest_build_alone(actor_file, tmp_path, capsys):
    """build/<ENV> is what README tells users to flash: it moves only after a measurement."""
    common = ("--actor", actor_file, "--build", tmp_path)
    fails(capsys, "firmware", *common, "--device", "serial:/dev/there-is-none")
    fails(capsys, "run", *common, "--device", "serial:/dev/there-is-none")
    assert not (tmp_path / "Hopper").exists()


def test_the_host_refuses_a_kernel_for_boards(actor_file, tmp_path, capsys):
    message = fails(capsys, "run", "--actor", actor_file, "--build", tmp_path, "--kernel", "lanes")
    assert "--kernel lanes is for boards" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--board", "pico", "--toolchain", "gcc"),
            "--board, --toolchain: for images of boards",
        ),
        (("--target", "cortex-m3"), "--target: for images of boards, nothing to the device native"),
        (("--safe-timeout-ms", "5"), "--safe-timeout-ms: for images of boards"),
        (
            ("--lanes", "4"),
            "nothing to the device native; leave out or use --device rtl",
        ),
        (("--device", "emulator", "--design", "spatial"), "--design: for the logic of FPGAs"),
        (("--device", "rtl", "--watchdog-ms", "5"), "--watchdog-ms: for images of boards"),
        (("--device", "rtl", "--kernel", "lanes"), "--kernel: for images of boards"),
        (("--device", "rtl", "--max-flash", "100"), "logic takes --optimize cycles, the design of the fewest clocks"),
        (("--device", "emulator", "--kernel", ""), "kernel ''"),
    ],
)
def test_an_option_that_the_device_would_not_heed_is_an_error(options, message, actor_file, tmp_path, capsys):
    assert message in fails(capsys, "run", "--actor", actor_file, "--build", tmp_path, *options)
    assert not list(tmp_path.glob("Hopper-v4-*"))


def test_a_guarded_image_under_fire_is_equal(actor_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measuring, "CORNER_OBSERVATIONS", 40)
    guard = ("--safe-when-not-finite", "--safe-timeout-ms", "50", "--watchdog-ms", "30")
    guard += ("--safe-action", "1", "-2", "3")
    arguments = ("run", "--actor", actor_file, "--build", tmp_path, "--device", "emulator", "--episodes", "1")
    assert main([str(a) for a in (*arguments, *guard, "--fault-rate", "0.002")]) == 0
    (path,) = tmp_path.glob("*/report-emulator.json")
    report = json.loads(path.read_text())
    assert report["equality"]["mismatches"] == 0
    health = report["health"]
    assert (health["watchdog_ms"], health["safe_timeout_ms"], health["safe_action"]) == (30, 50, [1, -2, 3])
    assert health["safe_when_not_finite"] and health["not_finite"] > 0
    assert report["timing"]["jitter_cycles"] <= health["cycles"]["max"] - health["cycles"]["min"]
    assert "watchdog 30 ms" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--device", "native", "--fault-rate", "0.01"), "emulator, qemu, serial; not for native"),
        (("--device", "emulator", "--fault-rate", "0.5"), "allowed: up to 0.02"),
        (("--device", "emulator", "--safe-action", "1"), "takes 3 codes from -32768 to 32767"),
        (("--device", "emulator", "--watchdog-ms", "9999"), "takes 0 to 8190"),
        (("--device", "emulator", "--safe-timeout-ms", "70000"), "allowed: 0 (never) to 65535"),
    ],
)
def test_guards_and_faults_that_make_no_sense_are_one_clear_line(options, message, actor_file, tmp_path, capsys):
    assert message in fails(capsys, "run", "--actor", actor_file, "--build", tmp_path, *options)


def test_an_export_writes_a_folder_and_never_over_an_edited_one(actor_file, tmp_path, capsys):
    arguments = ("export", "--actor", actor_file, "--as", "arduino", "--out", tmp_path / "out")
    assert main([str(argument) for argument in arguments]) == 0
    properties = tmp_path / "out" / "library.properties"
    properties.write_text(properties.read_text().replace("version=1.0.0", "version=1.0.1"))
    assert "was changed" in fails(capsys, *arguments)
    assert "version=1.0.1" in properties.read_text()
    assert "did you mean 'arduino'" in fails(capsys, "export", "--actor", actor_file, "--as", "arduin", "--out", "x")
