"""The commands `distil` and `limit` from the user's side: an actor file and a verdict, or one clear line."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ganglion.codegen.actor import read_actor
from ganglion.codegen.passes import simplify
from ganglion.commands.distil_options import StudentOptions
from ganglion.commands.limit import Limit
from ganglion.main import main
from ganglion.trainer import limit as limiting
from ganglion.trainer import reinforce
from ganglion.trainer.compression.calibration import BitWidths
from ganglion.trainer.distil.assignment import read_record
from ganglion.trainer.limit import Goal
from ganglion.trainer.reinforce.run import _Run
from ganglion.trainer.teacher import read_teacher
from tests.trainer.distil.point import ENV, teacher, teacher_file
from tests.trainer.distil.test_distil import SMALL
from tests.trainer.distil.test_polish import SMALL as QUICK_POLISH


@pytest.fixture
def file(tmp_path):
    return teacher_file(tmp_path / "teacher.safetensors")


def fails(capsys, *arguments) -> str:
    """Run a command that must fail by a user error; returns its message."""
    code = main([str(argument) for argument in arguments])
    message = capsys.readouterr().err
    assert code == 2
    assert message.startswith("ganglion: ") and message.count("\n") == 1
    return message


def _refused(capsys, *arguments) -> str:
    """Run a command whose options cannot be parsed; returns what it says."""
    with pytest.raises(SystemExit):
        main([str(argument) for argument in arguments])
    return capsys.readouterr().err


def test_the_teacher_file_gives_the_teacher_back(file):
    read, made = read_teacher(file), teacher()
    assert read.digest == made.digest and read.env_id == ENV
    assert read.action_space.low.tolist() == [-2, -2] and read.action_space.high.tolist() == [4, 4]


def test_distil_writes_an_actor_and_tells_its_share(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(StudentOptions, "settings", lambda self: SMALL)
    out = tmp_path / "actor.safetensors"
    assert main(["distil", "--teacher", str(file), "--out", str(out), "--episodes", "5"]) == 0
    actor = read_actor(out)
    assert actor.about["algorithm"] == "distil"
    assert actor.about["provenance"]["teacher"]["digest"] == teacher().digest
    assert actor.about["returns"]["quantised"]["episodes"] == actor.about["share"]["episodes"] == 5
    told = capsys.readouterr().out
    assert f"{actor.about['share']['share']:.1%} of the teacher's return" in told
    assert not (tmp_path / "actor.run" / "snapshot.pt").exists()


def test_several_seeds_tell_their_spread_and_measure_the_best_again(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(StudentOptions, "settings", lambda self: replace(SMALL, updates=60, seed=self.seed))
    out = tmp_path / "actor.safetensors"
    arguments = ["distil", file, "--out", out, "--episodes", 4, "--seed", 3, "--seeds", 2, "--workers", 1]
    assert main([str(argument) for argument in arguments]) == 0
    headline, best = read_actor(out), read_actor(tmp_path / "actor-best.safetensors")
    made = [read_actor(tmp_path / f"actor-seed{seed}.safetensors") for seed in (3, 4)]
    assert headline.policy.digest == made[1].policy.digest != made[0].policy.digest
    shares = [actor.about["share"]["share"] for actor in made]
    assert best.policy.digest == made[shares.index(max(shares))].policy.digest
    assert best.about["provenance"]["chosen"] == {"best_of": 2, "by_seed": headline.about["share"]["first_seed"]}
    assert best.about["share"]["first_seed"] not in (None, headline.about["share"]["first_seed"])
    told = capsys.readouterr().out
    assert f"{min(shares):.1%} to {max(shares):.1%}" in told and "best of 2, measured again" in told


def test_seeds_that_are_finished_stay_and_lost_ones_are_made_again(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(StudentOptions, "settings", lambda self: replace(SMALL, updates=60, seed=self.seed))
    out = tmp_path / "actor.safetensors"
    arguments = ["distil", file, "--out", out, "--episodes", 4, "--seeds", 5, 2, "--workers", 1]
    assert main([str(argument) for argument in arguments]) == 0
    first, second = (tmp_path / f"actor-seed{seed}.safetensors" for seed in (5, 2))
    content, headline, stamp = second.read_bytes(), out.read_bytes(), first.stat().st_mtime_ns
    assert headline == content
    second.unlink()
    out.unlink()
    assert main([str(argument) for argument in arguments]) == 0
    assert first.stat().st_mtime_ns == stamp
    assert second.read_bytes() == content and out.read_bytes() == headline
    assert read_record(out).minutes > 0


def test_more_episodes_judge_again_and_other_settings_need_another_folder(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(StudentOptions, "settings", lambda self: replace(SMALL, updates=60, sparsity=self.sparsity))
    out = tmp_path / "actor.safetensors"
    for episodes in (4, 5):
        assert main(["distil", str(file), "--out", str(out), "--episodes", str(episodes), "--sparsity", "0.8"]) == 0
        assert read_actor(out).about["share"]["episodes"] == episodes
    assert "differs in: sparsity;" in fails(capsys, "distil", file, "--out", out, "--episodes", 4, "--sparsity", 0.7)


@pytest.fixture
def quick(monkeypatch):
    """Short distillation, and short polishing."""
    monkeypatch.setattr(StudentOptions, "settings", lambda self: replace(SMALL, updates=60, seed=self.seed))
    monkeypatch.setattr(
        reinforce, "ReinforceSettings", lambda steps, **more: replace(QUICK_POLISH, steps=steps, **more)
    )


def test_polishing_goes_on_from_the_student_and_says_what_it_did(file, tmp_path, capsys, quick):
    out = tmp_path / "actor.safetensors"
    command = ["distil", str(file), "--out", str(out), "--episodes", "4"]
    assert main(command) == 0
    plain, record = read_actor(out), read_record(out)
    assert main([*command, "--polish", "1024"]) == 0
    actor, told = read_actor(out), capsys.readouterr().out
    provenance = actor.about["provenance"]
    assert provenance["polish"]["student"] == plain.policy.digest
    assert provenance["steps"] == plain.about["provenance"]["steps"] + 1_024
    assert provenance["polish"]["settings"]["steps"] == 1_024
    assert provenance["polish"]["settings"]["deviation"] == 0.2
    assert actor.about["sparsity"]["nonzeros"] == actor.policy.nonzeros
    assert "polished for 1,024 steps; the best of 3 evaluations, at step" in told
    assert read_record(out).minutes > record.minutes and read_record(out).action_error is None
    stamp, minutes = out.stat().st_mtime_ns, read_record(out).minutes
    assert main([*command, "--polish", "1024"]) == 0
    assert out.stat().st_mtime_ns == stamp
    assert main([*command[:-1], "5", "--polish", "1024"]) == 0
    assert read_actor(out).about["share"]["episodes"] == 5
    assert read_record(out).minutes == minutes
    assert main(command) == 0
    assert read_actor(out).policy.digest == plain.policy.digest


def test_polishing_that_was_killed_goes_on_from_its_snapshot(file, tmp_path, quick, monkeypatch):
    out, whole = tmp_path / "a" / "actor.safetensors", tmp_path / "b" / "actor.safetensors"
    command = ["distil", str(file), "--episodes", "4", "--polish", "1536", "--out"]
    assert main([*command, str(whole)]) == 0
    learn, learned = _Run._learn, []

    def killed(run):
        if run.model.num_timesteps == 1_024:
            raise KeyboardInterrupt
        learn(run)

    monkeypatch.setattr(_Run, "_learn", killed)
    assert main([*command, str(out)]) == 130
    assert not out.exists()
    monkeypatch.setattr(_Run, "_learn", lambda run: learned.append(run.model.num_timesteps) or learn(run))
    assert main([*command, str(out)]) == 0
    assert learned == [1_024]
    assert out.read_bytes() == whole.read_bytes()


def test_polish_works_with_seeds(file, tmp_path, capsys, quick):
    out = tmp_path / "actor.safetensors"
    arguments = ["distil", file, "--out", out, "--episodes", 4, "--seeds", 2, "--workers", 1, "--polish", 1_024]
    assert main([str(argument) for argument in arguments]) == 0
    made = [read_actor(tmp_path / f"actor-seed{seed}.safetensors") for seed in (0, 1)]
    assert all("polish" in actor.about["provenance"] for actor in made)
    assert read_actor(tmp_path / "actor-best.safetensors").about["provenance"]["chosen"]["best_of"] == 2


@pytest.mark.long
def test_seeds_on_two_workers_give_the_bytes_of_one(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(StudentOptions, "settings", lambda self: replace(SMALL, updates=60, seed=self.seed))
    far = teacher_file(tmp_path / "teacher.safetensors", env_id=f"tests.trainer.distil.point:{ENV}")
    for workers in (1, 2):
        out = tmp_path / str(workers) / "actor.safetensors"
        arguments = ["distil", far, "--out", out, "--episodes", 4, "--seeds", 2, "--workers", workers]
        assert main([str(argument) for argument in arguments]) == 0
    for name in ("actor", "actor-seed0", "actor-seed1", "actor-best"):
        one, two = (tmp_path / workers / f"{name}.safetensors" for workers in "12")
        assert one.read_bytes() == two.read_bytes()


def test_limit_prices_logic_where_a_part_is_named(file, tmp_path, capsys, monkeypatch):
    pytest.importorskip("da4ml", reason="da4ml is not installed (extra hls)")

    def goal(**options):
        quick = {"start": 0.25, "short_updates": 60, "resolution": 9.0, "clip_head": False}
        return Goal(**options | quick | {"weight_bits": (), "widths": ()})

    monkeypatch.setattr(limiting, "Goal", goal)
    monkeypatch.setattr(Limit, "_base", lambda self: replace(SMALL, bits=BitWidths(powers_of_two=True)))
    arguments = ["limit", file, "--part", "icebreaker", "--max-luts", 2_400, "--max-ns", 2_000, "--updates", 60]
    run = [*arguments, "--out", tmp_path / "search", "--workers", 1, "--seeds", 1]
    assert main([str(argument) for argument in run]) == 0
    record = json.loads((tmp_path / "search" / "front.json").read_text())
    price = record["results"][record["chosen"]["point"]]["price"]
    assert price["kernels"] == [] and set(record["front"]) == {"ns", "luts"}
    assert any(d["fits"] and d["luts"] <= 2_400 and d["ns"] <= 2_000 for d in price["designs"])
    told = capsys.readouterr().out
    assert "in LUTs or in ns" in told and "sequential-1 " in told


def test_distil_from_recorded_observations_measures_no_return(file, tmp_path, capsys):
    recorded = tmp_path / "observations.npz"
    np.savez(recorded, observations=np.random.default_rng(0).uniform(-2, 2, (2_000, 3)))
    out = tmp_path / "actor.safetensors"
    arguments = ["distil", "--teacher", file, "--observations", recorded, "--out", out, "--updates", 200]
    assert main([str(argument) for argument in [*arguments, "--weight-bits", 6, "--sparsity", 0.5]]) == 0
    actor = read_actor(out)
    assert actor.about["returns"] == {} and "share" not in actor.about
    assert "root mean square error" in capsys.readouterr().out
    assert max(int(np.abs(layer.weights.astype(int)).max()) for layer in actor.policy.layers) <= 31


def test_limit_writes_the_smallest_actor(file, tmp_path, capsys, monkeypatch):

    def goal(**options):
        quick = {"start": 0.5, "short_updates": 60, "clip_head": False, "resolution": 2.5}
        return Goal(**options | quick | {"weight_bits": (), "widths": ()})

    monkeypatch.setattr(limiting, "Goal", goal)
    monkeypatch.setattr(Limit, "_base", lambda self: SMALL)
    arguments = ["limit", "--teacher", file, "--keep", 0.8, "--out", tmp_path / "search", "--updates", 120]
    assert main([str(argument) for argument in [*arguments, "--workers", 1, "--seeds", 1]]) == 0
    actor = read_actor(tmp_path / "search" / "actor.safetensors")
    told = capsys.readouterr().out
    live = simplify(actor.policy)
    assert f"{live.nonzeros:,} weights; " in told and "beaten by none of" in told
    record = json.loads((tmp_path / "search" / "front.json").read_text())
    kernels = record["results"][record["chosen"]["point"]]["price"]["kernels"]
    assert {kernel["kernel"] for kernel in kernels} >= {"stream", "straight", "lanes"}
    for kernel in kernels:
        assert f"{kernel['kernel']} {kernel['cycles']:,} cycles, {kernel['bytes']:,} bytes" in told


def test_mistakes_end_in_one_clear_line(file, tmp_path, capsys, monkeypatch):
    """And leave nothing behind where runs are kept."""
    monkeypatch.chdir(tmp_path)
    assert "say which teacher" in fails(capsys, "distil")
    assert "there is no such teacher" in fails(capsys, "distil", "--teacher", tmp_path / "none")
    assert "did you mean Hopper?" in fails(capsys, "limit", "--env", "Hoper")
    assert "sparsity is 1.5" in fails(capsys, "distil", "--teacher", file, "--sparsity", 1.5)
    assert "--episodes 1" in fails(capsys, "distil", "--teacher", file, "--episodes", 1)
    assert "--seeds 0" in fails(capsys, "distil", "--teacher", file, "--seeds", 0)
    assert "given twice" in fails(capsys, "distil", "--teacher", file, "--seeds", 4, 4)
    assert "--round-steps 0" in fails(capsys, "distil", file, "--round-steps", 0)
    assert "at most 100,000 are kept" in fails(capsys, "distil", file, "--round-steps", 10**12)
    assert "--polish -5" in fails(capsys, "distil", file, "--polish", -5)
    assert "the value function learns alone" in fails(capsys, "distil", file, "--polish", 100)
    assert "needs an environment" in fails(capsys, "distil", file, "--polish", 500_000, "--observations", "x.npy")
    assert "without --polish" in fails(capsys, "distil", file, "--polish-deviation", 0.1)
    assert "deviation is 0.0" in fails(capsys, "distil", file, "--polish", 500_000, "--polish-deviation", 0)
    assert "pattern" in _refused(capsys, "distil", file, "--pattern", "triples")
    assert "LUTs are asked for" in fails(capsys, "limit", file, "--max-luts", 900, "--out", tmp_path / "l")
    assert "bytes are asked for" in fails(
        capsys, "limit", file, "--part", "icebreaker", "--max-flash", 9, "--out", tmp_path
    )
    assert "board 'xc7' is unknown" in fails(capsys, "limit", file, "--part", "xc7", "--unit", "luts")
    assert "two teachers" in fails(capsys, "distil", file, "--teacher", file)
    assert "cortex-m9" in fails(capsys, "limit", file, "--core", "cortex-m9")
    assert "budget is 0 bytes" in fails(capsys, "limit", file, "--max-flash", 0, "--out", tmp_path / "b")
    assert "--workers 0" in fails(capsys, "limit", "--teacher", file, "--workers", 0)
    both = ("limit", "--teacher", file, "--keep", 0.9, "--max-cycles", 500, "--out", tmp_path / "s")
    assert "--keep 0.9 and a budget were given" in fails(capsys, *both)
    assert "share to keep is 3.0" in fails(capsys, "limit", "--teacher", file, "--keep", 3, "--out", tmp_path / "s")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not numpy", "not a file of numpy's"),
        ({"states": np.zeros((4, 3))}, "no array is called 'observations'; there is states"),
        ({"observations": np.full((4, 3), np.inf)}, "4 of 4 observations are not finite"),
        ({"observations": np.array([["a"]])}, "real numbers are needed"),
    ],
)
def test_bad_observation_files_are_explained(file, tmp_path, capsys, content, message):
    recorded = tmp_path / "observations.npz"
    if isinstance(content, bytes):
        recorded.write_bytes(content)
    else:
        np.savez(recorded, **content)
    out = tmp_path / "actor.safetensors"
    assert message in fails(capsys, "distil", "--teacher", file, "--observations", recorded, "--out", out)
