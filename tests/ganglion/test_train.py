"""The train command: from options to a protocol, and what it says when it cannot."""

import re

import pytest

from ganglion import extras
from ganglion.commands.training_options import TrainingOptions
from ganglion.main import main
from ganglion.trainer.checks import check_live
from ganglion.trainer.storage.disk import writing
from ganglion.trainer.storage.result import Result


@pytest.fixture
def asked(monkeypatch):
    """The (protocol, folder) pairs that the command asks to be trained."""
    calls = []

    def train(protocol, folder):
        calls.append((protocol, folder))
        return Result(protocol.algorithm, protocol.env_id, 0, 0.9, True, 1, 1, [1.0], None, None, False, "x.zip")

    monkeypatch.setattr("ganglion.trainer.train.train", train)
    return calls


def test_presets_become_protocols(asked):
    assert main(["train", "--env", "Hopper", "--sparsity", "0.95", "--steps", "5000", "--seed", "3"]) == 0
    assert main(["train", "--env", "Swimmer", "--preset", "teacher"]) == 0
    assert main(["train", "--env", "HalfCheetah-v5", "--preset", "fast", "--gamma", "0.98"]) == 0
    (paper, folder), (teacher, _), (fast, _) = asked
    assert (paper.env_id, paper.sparsity, paper.steps, paper.seed) == ("Hopper-v4", 0.95, 5000, 3)
    assert (paper.batch_size, paper.weight_decay, paper.total_steps) == (256, 1e-4, 6000)
    assert folder.name == "Hopper-v4-paper-0.95-3"
    assert (teacher.sparsity, teacher.gamma, teacher.quantises) == (0.0, 0.9999, False)
    assert teacher.total_steps == 1_000_000
    assert (fast.env_id, fast.batch_size, fast.gamma) == ("HalfCheetah-v5", 128, 0.98)


def test_sparsities_that_are_almost_the_same_have_folders_of_their_own(asked):
    for sparsity in ("0.5", "0.5000001", "0.50"):
        assert main(["train", "--env", "Pendulum", "--sparsity", sparsity]) == 0
    names = [folder.name for _, folder in asked]
    assert names == [f"Pendulum-v1-small-{sparsity}-0" for sparsity in ("0.5", "0.5000001", "0.5")]


def test_a_teacher_is_dense(asked, capsys):
    assert main(["train", "--env", "Hopper", "--preset", "teacher", "--sparsity", "0.9"]) == 2
    assert "--sparsity 0.9 with --preset teacher, which is dense" in capsys.readouterr().err
    assert main(["train", "--env", "Hopper", "--preset", "teacher", "--sparsity", "0"]) == 0
    assert main(["train", "--env", "Hopper"]) == 0
    assert [protocol.sparsity for protocol, _ in asked] == [0.0, 0.98]


def test_every_choice_reaches_the_protocol(asked):
    options = "--allocation global --pattern pairs --weight-bits 4 --powers-of-two --per-layer --no-quantised"
    options += " --activation-bits 16 --observation-bits 16"
    assert main(["train", "--env", "Hopper", *options.split(), "--set", "batch_size=32", "learning_rate=1e-3"]) == 0
    ((protocol, folder),) = asked
    assert (protocol.allocation, protocol.pattern, protocol.quantises) == ("global", "pairs", False)
    assert (protocol.bits.weights, protocol.bits.powers_of_two, protocol.bits.per_row) == (4, True, False)
    assert (protocol.bits.activations, protocol.bits.observations) == (16, 16)
    assert (protocol.batch_size, protocol.learning_rate) == (32, 1e-3)
    assert folder.name == "Hopper-v4-paper-0.98-float-0"


def test_the_environment_chooses_algorithm_and_preset(asked):
    for name in ("CartPole", "Pendulum"):
        assert main(["train", "--env", name]) == 0
    assert main(["train", "--env", "Pong", "--algo", "dqn", "--preset", "residual"]) == 0
    (pole, _), (pendulum, _), (pong, _) = asked
    assert (pole.algorithm, pole.env_id, pole.steps) == ("dqn", "CartPole-v1", 50_000)
    assert (pendulum.algorithm, pendulum.steps) == ("sac", 10_000)
    assert (pong.env_id, pong.network) == ("PongNoFrameskip-v4", "residual")


@pytest.mark.parametrize("sparsity", [0.5, 0.9, 0.98])
@pytest.mark.parametrize(
    ("env", "shapes"), [("Pendulum", [(64, 3), (64, 64), (1, 64)]), ("CartPole", [(256, 4), (256, 256), (2, 256)])]
)
def test_what_is_trained_by_default_leaves_every_layer_alive(env, shapes, sparsity):
    protocol = TrainingOptions().protocol(env, sparsity=sparsity)
    assert sum(protocol.widths) == shapes[0][0] + shapes[1][0]
    check_live(protocol, shapes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "bacth_size=3"], "there is no hyperparameter 'bacth_size=3'; allowed, as NAME=VALUE: .*batch_size"),
        (["--set", "batch_size=many"], "batch_size is 'many'; a whole number is needed"),
        (["--set", "widths=64,x"], "widths is '64,x'; a list of whole numbers"),
        (["--set", "sparsity=0.5"], "sparsity has an option of its own: --sparsity"),
        (["--set", "steps=300"], "steps has an option of its own: --steps"),
        (["--gamma", "0.9", "--set", "gamma=0.5"], "gamma has an option of its own: --gamma"),
        (["--set", "allocation=erk"], "allocation has an option of its own: --allocation"),
        (["--set", "bits=4"], "bits has an option of its own: --weight-bits"),
        (["--set", "tau"], "tau needs a value, such as tau=0.005$"),
        (["--set", "widths"], "widths needs a value, such as widths=256,256$"),
        (["--set", "tau=0.1", "--set", "tau=0.2"], "tau is set twice, the second time by 'tau=0.2'"),
        (["--set"], "--set needs at least one NAME=VALUE"),
        (["--set", "nonsense"], r"allowed, as NAME=VALUE: (?!.*\b(seed|gamma|steps|sparsity|pattern)\b)"),
        (["--seed", "-1"], "seed is -1"),
        (["--sparsity", "0.999"], "another allocation"),
        (["--preset", "residual"], "sac has no preset 'residual'; allowed: paper"),
        (["--steps", "300", "--set", "learning_starts=10", "prune_events=999"], "at most 180"),
        (["--algo", "dqn", "--set", "buffer_size=10"], "use --algo sac"),
    ],
)
def test_bad_choices_are_one_line(arguments, message, tmp_path, capsys):
    assert main(["train", "--env", "Hopper", "--folder", str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count("\n") == 1


def test_hyperparameters_are_set_together_or_one_by_one(asked):
    options = ["--set", "batch_size=32", "tau=0.01", "--set", "learning_starts=7", "widths=64,32"]
    assert main(["train", "--env", "Hopper", *options]) == 0
    (protocol, _), *_ = asked
    assert (protocol.batch_size, protocol.tau, protocol.learning_starts) == (32, 0.01, 7)
    assert protocol.widths == (64, 32)


def test_bad_hyperparameters_are_one_line(capsys):
    assert main(["train", "--env", "Hopper", "--sparsity", "1.5"]) == 2
    assert "sparsity is 1.5; allowed" in capsys.readouterr().err


def test_without_torch_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    assert main(["train", "--env", "Hopper"]) == 2
    message = capsys.readouterr().err
    assert "torch, stable_baselines3" in message and "[train]" in message


def test_a_result_that_cannot_be_written_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys):
    def full(protocol, folder):
        with writing(folder / "actor.safetensors"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("ganglion.trainer.train.train", full)
    assert main(["train", "--env", "Pendulum", "--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"ganglion: {tmp_path}/actor.safetensors could not be written (No space left on device); free space, then "
        "start the same command again: it goes on from what was written last\n"
    )
