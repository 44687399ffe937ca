"""What is written down while a run trains: curve, checkpoints, the best policy so far, and the result at its end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from ganglion.codegen.actor import write_actor

from .averaging import Averaging
from .checkpoint import save_checkpoint
from .compression import Compression
from .evaluation import Act, act_float, act_integer, evaluate_together, summarise
from .export import ExportError, check_exportable, export_policy
from .protocol import Protocol
from .provenance import provenance
from .recipes.recipe import Recipe
from .result import Result, write_result
from .run_folder import replace_text
from .teacher import write_teacher

CURVE_SEED = 10_000
FINAL_SEED = 20_000
FINAL_EPISODES = 30
_STEPS_TOLD = 200


class Progress(BaseCallback):
    """Evaluates, appends to `curve.jsonl`, writes checkpoints, and measures the float policy before it is quantised."""

    def __init__(
        self,
        protocol: Protocol,
        recipe: Recipe,
        folder: Path,
        compression: Compression,
        averaging: Averaging,
        state: dict,
        stop_before: int | None,
    ) -> None:
        super().__init__()
        self.protocol, self.recipe, self.folder = protocol, recipe, folder
        self.compression, self.parts, self.averaging = compression, compression.parts, averaging
        self.stop_before = stop_before
        self.float_returns: dict | None = state.get("float_returns")
        self.best: dict | None = state.get("best")
        self._told_every = max(1, protocol.total_steps // _STEPS_TOLD)

    def act(self) -> Act:
        """The deterministic policy as it stands: float, or the very integers that would be exported."""
        if self.parts.layers[0].quantiser is None or not self._exportable():
            return act_float(self.model)
        return act_integer(self._policy())

    def save(self) -> None:
        """Write a checkpoint of everything that the rest of the run depends on."""
        extra = {"float_returns": self.float_returns, "best": self.best}
        path = save_checkpoint(self.model, self.folder, self.compression.state | self.averaging.state | extra)
        if path is not None and self.protocol.averaging_steps and self.recipe.head == "tanh":
            self._write_teacher(path / "teacher.safetensors", {})

    def finish(self, shared_dense: bool) -> Result:
        """Measure the last policy on fresh seeds, write it and the run's result."""
        returns = self._evaluate(FINAL_EPISODES, FINAL_SEED)
        result = Result(
            algorithm=self.protocol.algorithm,
            env_id=self.protocol.env_id,
            seed=self.protocol.seed,
            sparsity=self.protocol.sparsity,
            quantised=self.protocol.quantises,
            steps=self.model.num_timesteps,
            nonzeros=self._nonzeros(),
            returns=returns,
            returns_before_integers=self.float_returns,
            best=self.best,
            shared_dense=shared_dense,
            file=self._write_policy("", returns),
        )
        write_result(self.folder, result)
        return result

    def _on_training_start(self) -> None:
        """Forget what the curve tells of steps that are run again."""
        curve = self.folder / "curve.jsonl"
        if curve.exists():
            rows = [row for row in curve.read_text().splitlines(True) if _step(row) <= self.num_timesteps]
            replace_text(curve, "".join(rows))

    def _on_step(self) -> bool:
        if self.stop_before is not None and self.num_timesteps >= self.stop_before - 1:
            return False
        if self.protocol.quantises and self.num_timesteps == self.protocol.steps:
            self.float_returns = summarise(self._evaluate(FINAL_EPISODES, FINAL_SEED), FINAL_SEED)
        if self.num_timesteps % self.protocol.evaluate_every == 0:
            self._record(self._evaluate(self.protocol.evaluation_episodes, CURVE_SEED))
        if self.num_timesteps % self.protocol.checkpoint_every == 0:
            self.save()
        if self.num_timesteps % self._told_every == 0:
            replace_text(self.folder / "step", str(self.num_timesteps))
        return True

    def _record(self, returns: list[float]) -> None:
        row = {"step": self.num_timesteps, "nonzeros": self._nonzeros(), "returns": returns}
        with (self.folder / "curve.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        mean = float(np.mean(returns))
        print(f"{self.protocol.env_id} step {row['step']} nonzeros {row['nonzeros']} return {mean:.1f}", flush=True)
        if self.num_timesteps > self.protocol.final_from and (self.best is None or mean > self.best["selected_by"]):
            fresh = self._evaluate(FINAL_EPISODES, FINAL_SEED)
            self.best = {"step": self.num_timesteps, "selected_by": mean, "returns": fresh}
            self._write_policy("best-", fresh)

    def _evaluate(self, episodes: int, first_seed: int) -> list[float]:
        with self.averaging.in_use():
            return evaluate_together(self.act(), self.protocol.env_id, episodes, first_seed)

    def _nonzeros(self) -> int:
        return sum(layer.nonzeros for layer in self.parts.layers)

    def _exportable(self) -> bool:
        try:
            check_exportable(self.parts.layers)
        except ExportError:
            return False
        return True

    def _policy(self):
        return export_policy(self.parts.layers, self.protocol.env_id, self.model.action_space, self.recipe.head)

    def _write_policy(self, prefix: str, returns: list[float]) -> str | None:
        """The name of the file written: an actor of integers, a float teacher, None for what has no file format."""
        final = summarise(returns, FINAL_SEED)
        about = self._about()
        if self.protocol.quantises and self._exportable():
            policy = self._policy()
            weights = sum(layer.weights.size for layer in policy.layers)
            about["sparsity"] = {"nominal": self.protocol.sparsity, "weights": weights, "nonzeros": policy.nonzeros}
            about["returns"] = {"quantised": final, "float": self.float_returns}
            write_actor(self.folder / f"{prefix}actor.safetensors", policy, about)
            return f"{prefix}actor.safetensors"
        if self.recipe.head == "tanh":
            self._write_teacher(self.folder / f"{prefix}teacher.safetensors", {"float": final})
            return f"{prefix}teacher.safetensors"
        with self.averaging.in_use():
            self.model.save(self.folder / f"{prefix}model.zip")
        return f"{prefix}model.zip"

    def _write_teacher(self, path: Path, returns: dict) -> None:
        with self.averaging.in_use():
            write_teacher(path, self.model, self._about() | {"env_id": self.protocol.env_id, "returns": returns})

    def _about(self) -> dict:
        told = provenance(self.protocol, self.protocol.seed, self.model.num_timesteps)
        return {"algorithm": self.protocol.algorithm, "provenance": told}


def _step(row: str) -> int:
    return json.loads(row)["step"]
