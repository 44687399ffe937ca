"""Train one actor by a protocol: resumable, from the first step to the files of the zoo."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback, CallbackList

from ganglion.codegen.actor import write_actor

from .checkpoint import load_checkpoint, save_checkpoint
from .compression import Compression, mean_path, sparsify
from .environments import make_env
from .evaluation import Act, act_float, act_integer, evaluate, summarise
from .export import export_policy
from .protocol import Protocol, ProtocolError, check_protocol
from .provenance import provenance
from .sac import LeanSAC
from .teacher import write_teacher

CURVE_SEED = 10_000
FINAL_SEED = 20_000
FINAL_EPISODES = 30


def train(protocol: Protocol, folder: Path) -> Path:
    """Run `protocol` in `folder`, going on from its newest checkpoint; the finished file's path.

    A quantised run ends with `actor.safetensors`, a float one with `teacher.safetensors`. `folder` belongs to one
    protocol: another one is refused.
    """
    check_protocol(protocol)
    _claim(folder, protocol)
    torch.set_num_threads(1)
    env = make_env(protocol.env_id, protocol.seed)
    loaded = load_checkpoint(folder, LeanSAC, env)
    model, state = loaded or (_new_model(protocol, env), {})
    compression = Compression(protocol, sparsify(model.actor), state)
    progress = Progress(protocol, folder, compression, state.get("float_returns"))
    remaining = protocol.total_steps - model.num_timesteps
    if remaining > 0:
        callbacks = CallbackList([progress, compression])
        model.learn(remaining, callback=callbacks, log_interval=10**9, reset_num_timesteps=loaded is None)
        progress.save()
    return _finish(protocol, model, folder, progress)


class Progress(BaseCallback):
    """Evaluates, appends to `curve.jsonl`, writes checkpoints, and measures the float policy before it is quantised."""

    def __init__(self, protocol: Protocol, folder: Path, compression: Compression, float_returns: dict | None) -> None:
        super().__init__()
        self.protocol, self.folder, self.compression = protocol, folder, compression
        self.float_returns = float_returns
        self.env = make_env(protocol.env_id)

    def act(self) -> Act:
        """The deterministic policy as it stands: float, or the very integers that would be exported."""
        layers = mean_path(self.model.actor)
        if layers[0].quantiser is None:
            return act_float(self.model)
        return act_integer(export_policy(layers, self.protocol.env_id, self.model.action_space, "tanh"))

    def save(self) -> None:
        """Write a checkpoint of everything that the rest of the run depends on."""
        save_checkpoint(self.model, self.folder, self.compression.state | {"float_returns": self.float_returns})

    def _on_step(self) -> bool:
        if self.protocol.quantises and self.num_timesteps == self.protocol.steps:
            returns = evaluate(self.act(), self.env, FINAL_EPISODES, FINAL_SEED)
            self.float_returns = summarise(returns, FINAL_SEED)
        if self.num_timesteps % self.protocol.evaluate_every == 0:
            self._record(evaluate(self.act(), self.env, self.protocol.evaluation_episodes, CURVE_SEED))
            self.save()
        return True

    def _record(self, returns: list[float]) -> None:
        nonzeros = sum(layer.nonzeros for layer in mean_path(self.model.actor))
        row = {"step": self.num_timesteps, "nonzeros": nonzeros, "returns": returns}
        with (self.folder / "curve.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(
            f"{self.protocol.env_id} step {self.num_timesteps} nonzeros {nonzeros} return {np.mean(returns):.1f}",
            flush=True,
        )


def _new_model(protocol: Protocol, env) -> LeanSAC:
    return LeanSAC(
        "MlpPolicy",
        env,
        learning_rate=protocol.learning_rate,
        buffer_size=min(protocol.buffer_size, protocol.total_steps),
        learning_starts=protocol.learning_starts,
        batch_size=protocol.batch_size,
        tau=protocol.tau,
        gamma=protocol.gamma,
        seed=protocol.seed,
        device="cpu",
        policy_kwargs={"optimizer_kwargs": {"fused": True, "weight_decay": protocol.weight_decay}},
    )


def _claim(folder: Path, protocol: Protocol) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file, text = folder / "protocol.json", json.dumps(asdict(protocol), indent=1)
    if file.exists() and file.read_text() != text:
        raise ProtocolError(f"{folder} holds a run of another protocol; choose another folder or remove this one")
    partial = file.with_suffix(".partial")
    partial.write_text(text)
    os.replace(partial, file)


def _finish(protocol: Protocol, model: LeanSAC, folder: Path, progress: Progress) -> Path:
    progress.model = model
    final = summarise(evaluate(progress.act(), progress.env, FINAL_EPISODES, FINAL_SEED), FINAL_SEED)
    about = {"algorithm": "sac", "provenance": provenance(protocol, protocol.seed, model.num_timesteps)}
    if not protocol.quantises:
        path = folder / "teacher.safetensors"
        write_teacher(path, model, about | {"env_id": protocol.env_id, "returns": {"float": final}})
        return path
    policy = export_policy(mean_path(model.actor), protocol.env_id, model.action_space, "tanh")
    weights = sum(layer.weights.size for layer in policy.layers)
    about["sparsity"] = {"nominal": protocol.sparsity, "weights": weights, "nonzeros": policy.nonzeros}
    about["returns"] = {"quantised": final, "float": progress.float_returns}
    path = folder / "actor.safetensors"
    write_actor(path, policy, about)
    return path
