"""What is written down while a run trains: curve, checkpoints, the best policy so far, and the result at its end."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from ganglion.codegen.actor import write_actor

from .averaging import Averaging
from .compression.callback import Compression
from .compression.export import ExportError, check_exportable, export_policy
from .divergence import check_weights, finite
from .environments import Watched, make_env
from .evaluation import Act, act_float, act_integer, evaluate_together, summarise
from .protocol import Protocol
from .recipes.recipe import Recipe
from .storage.checkpoint import list_checkpoints, model_bytes, save_checkpoint
from .storage.curve import Curve
from .storage.disk import DiskError, say, writing
from .storage.folder import replace_bytes, replace_text, told
from .storage.names import BEST, PROTOCOL, STEP
from .storage.provenance import provenance
from .storage.result import Result, file_digest, write_result
from .teacher import write_teacher

CURVE_SEED = 10_000
FINAL_SEED = 20_000
FINAL_EPISODES = 30
_STEPS_TOLD = 200


class StopBefore(Exception):
    """The run has come to where it was to stop, between a step's updates and the next step."""


class Progress(BaseCallback):
    """Evaluates, appends to `curve.jsonl`, writes checkpoints, and measures the float policy before it is quantised.

    Checkpoints are written where a rollout begins: nothing of the step before is left to be done then. What cannot be
    written meanwhile is told and training goes on; only at the end is that an error.
    """

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
        best = state.get("best")
        self.best: dict | None = best if best and best["step"] > protocol.final_from else None
        self._told_every = max(1, protocol.total_steps // _STEPS_TOLD)
        self._curve, self._saved = Curve(folder), 0
        self._failing: set[Callable] = set()

    def act(self) -> Act:
        """The deterministic policy as it stands: float, or the very integers that would be exported."""
        if self.parts.layers[0].quantiser is None or not self._exportable():
            return finite(act_float(self.model), self.model, self.folder)
        return act_integer(self._policy())

    def save(self) -> None:
        """Write a checkpoint of everything that the rest of the run depends on; DivergenceError for a model that is
        not finite."""
        check_weights(self.model, self.folder)
        extra = {"float_returns": self.float_returns, "best": self.best}
        state = self.compression.state | self.averaging.state | extra
        self._saved = self.num_timesteps
        save_checkpoint(self.model, self.folder, state, self._write_more)

    def _write_more(self, checkpoint: Path) -> None:
        """The protocol, the averaged teacher, and the best policy so far: the run's own may be one of steps that are
        run again."""
        (checkpoint / PROTOCOL).write_text(told(self.protocol.described))
        if self.protocol.averaging_steps and self.recipe.head == "tanh":
            self._write_teacher(checkpoint / "teacher.safetensors", {})
        if self.best is not None:
            shutil.copyfile(self.folder / self.best["file"], checkpoint / self.best["file"])

    def finish(self, shared_dense: bool) -> Result:
        """Measure the last policy on fresh seeds, write it and the run's result; DiskError where that fails."""
        returns = self._evaluate(FINAL_EPISODES, FINAL_SEED)
        file = self._write_policy("", returns)
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
            best=_told(self.best),
            shared_dense=shared_dense,
            file=file,
            sha256=file_digest(self.folder / file),
        )
        write_result(self.folder, result)
        return result

    def _init_callback(self) -> None:
        """Have the best policy of the checkpoint that is gone on from, not one of steps that are run again."""
        for name in BEST:
            if self.best is None or name != self.best["file"]:
                (self.folder / name).unlink(missing_ok=True)
        if self.best is not None:
            kept, path = list_checkpoints(self.folder)[-1] / self.best["file"], self.folder / self.best["file"]
            if not path.exists() or path.read_bytes() != kept.read_bytes():
                replace_bytes(path, kept.read_bytes())

    def _on_training_start(self) -> None:
        """Forget what is told of steps that are run again."""
        self._saved = self.num_timesteps
        if self._curve.lost:
            say(f"{self._curve.path}: {self._curve.lost} of its lines cannot be read and are left out")
        self._try(self._curve.forget_after, self.num_timesteps)

    def _on_rollout_start(self) -> None:
        if self.stop_before is not None and self.num_timesteps >= self.protocol.last_rollout(self.stop_before):
            raise StopBefore
        if not math.isfinite(self.parts.layers[-1].bias.detach().sum()):  # cheap, and soon reached from any weight
            check_weights(self.model, self.folder)
        every = self.protocol.checkpoint_every
        if self.num_timesteps // every > self._saved // every:
            self.save()

    def _on_step(self) -> bool:
        if self.protocol.quantises and self.num_timesteps == self.protocol.steps:
            self.float_returns = summarise(self._evaluate(FINAL_EPISODES, FINAL_SEED), FINAL_SEED)
        if self.num_timesteps % self.protocol.evaluate_every == 0:
            self._record(self._evaluate(self.protocol.evaluation_episodes, CURVE_SEED))
        if self.num_timesteps % self._told_every == 0:
            self._try(replace_text, self.folder / STEP, str(self.num_timesteps))
        return True

    def _record(self, returns: list[float]) -> None:
        row = {"step": self.num_timesteps, "nonzeros": self._nonzeros(), "returns": returns}
        self._try(self._curve.add, row)
        mean = float(np.mean(returns))
        say(f"{self.protocol.env_id} step {row['step']} nonzeros {row['nonzeros']} return {mean:.1f}")
        if self.num_timesteps > self.protocol.final_from and (self.best is None or mean > self.best["selected_by"]):
            self._try(self._keep_best, mean)

    def _keep_best(self, mean: float) -> None:
        fresh = self._evaluate(FINAL_EPISODES, FINAL_SEED)
        file = self._write_policy("best-", fresh)
        self.best = {"step": self.num_timesteps, "selected_by": mean, "returns": fresh, "file": file}

    def _try(self, write: Callable, *arguments) -> None:
        """Write; a disk that refuses is told once, until it takes something again."""
        try:
            write(*arguments)
            self._failing.discard(write)
        except DiskError as error:
            if write not in self._failing:
                say(f"{error}; this run goes on")
            self._failing.add(write)

    def _evaluate(self, episodes: int, first_seed: int) -> list[float]:
        check_weights(self.model, self.folder)
        env_id = self.protocol.env_id
        with self.averaging.in_use():
            return evaluate_together(self.act(), lambda: Watched(make_env(env_id), env_id), episodes, first_seed)

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

    def _write_policy(self, prefix: str, returns: list[float]) -> str:
        """The name of the file written: an actor of integers, a float teacher, a library's model for all else."""
        final = summarise(returns, FINAL_SEED)
        about = self._about()
        if self.protocol.quantises and self._exportable():
            policy = self._policy()
            weights = sum(layer.weights.size for layer in policy.layers)
            about["sparsity"] = {"nominal": self.protocol.sparsity, "weights": weights, "nonzeros": policy.nonzeros}
            about["returns"] = {"quantised": final, "float": self.float_returns}
            path = self.folder / f"{prefix}actor.safetensors"
            with writing(path):
                write_actor(path, policy, about)
        elif self.recipe.head == "tanh":
            path = self.folder / f"{prefix}teacher.safetensors"
            self._write_teacher(path, {"float": final})
        else:
            path = self.folder / f"{prefix}model.zip"
            with self.averaging.in_use():
                replace_bytes(path, model_bytes(self.model))
        return path.name

    def _write_teacher(self, path: Path, returns: dict) -> None:
        with self.averaging.in_use(), writing(path):
            write_teacher(path, self.model, self._about() | {"env_id": self.protocol.env_id, "returns": returns})

    def _about(self) -> dict:
        told = provenance(self.protocol, self.protocol.seed, self.model.num_timesteps)
        return {"algorithm": self.protocol.algorithm, "provenance": told}


def _told(best: dict | None) -> dict | None:
    """What a result says of the best policy."""
    return best and {key: value for key, value in best.items() if key != "file"}
