"""report.json: what was measured, in the words of report.schema.json, and nothing that was not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import jsonschema

from ganglion.codegen.actor import Actor
from ganglion.firmware.wire import Health, ResetCause

from .cycles import CycleSample
from .equality import ORACLE, Equality, Mismatch
from .rollout import Rollout
from .statistics import histogram, quantiles, summarise

VERSION = 1
_POLICY_FLASH = ("weights", "indices", "biases", "tables", "code")


class ReportError(ValueError):
    """A report file that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Build:
    """What ran: `flash_bytes` (weights, indices, biases, tables, code, runtime, total) and `ram_bytes` (static,
    stack) where an image exists, `nonzeros_effective` where a compiler removed neurons, `choice` where the kernel was
    chosen by price (the reason and the candidates), `energy_per_cycle_nj` and its source where the vendor publishes the
    current. `image` is the SHA-256 (hex) of what ran: of the image, or of the generated C or Verilog."""

    target: str
    kernel: str
    toolchain: str | None = None
    board: str | None = None
    nonzeros_effective: int | None = None
    flash_bytes: Mapping[str, int] | None = None
    ram_bytes: Mapping[str, int] | None = None
    choice: Mapping[str, object] | None = None
    energy_per_cycle_nj: float | None = None
    energy_source: str | None = None
    image: str | None = None


_TOLD_ELSEWHERE = ("nonzeros_effective", "energy_per_cycle_nj", "energy_source")


def make_report(
    actor: Actor,
    build: Build,
    rollout: Rollout,
    corners: Equality | None = None,
    cycle_range: Sequence[CycleSample] = (),
    health: Health | None = None,
) -> dict:
    """The report as plain data, valid by the schema; the same arguments give the same report."""
    report = {
        "version": VERSION,
        "partial": _partial(rollout, corners),
        "actor": _actor(actor, build),
        "build": _without_absent({k: v for k, v in asdict(build).items() if k not in _TOLD_ELSEWHERE}),
        "compression": _compression(actor, build),
        "timing": _timing(build, rollout, cycle_range),
        "equality": _equality(rollout, corners),
        "reward": _reward(actor, rollout),
        "health": _health(health) if health else None,
    }
    report = _without_absent(report)
    _validate(report, "the new report")
    return report


def write_report(report: dict, path: Path) -> None:
    """Write the report under its name only when it is whole."""
    write_whole(path, json.dumps(report, indent=2, allow_nan=False) + "\n")


def read_report(path: Path) -> dict:
    """Read and check a report; ReportError when it does not fit."""
    try:
        report = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ReportError(f"{path}: there is no such report; `make firmware ENV=...` writes one") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f"{path}: not a whole report ({error}); measure again") from error
    _validate(report, str(path))
    return report


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, which appears or changes only once all of it is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _validate(report: dict, name: str) -> None:
    schema = json.loads(files(__package__).joinpath("report.schema.json").read_text())
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(report))
    if error:
        raise ReportError(f"{name}: {error.json_path}: {error.message}")


def _without_absent(fields: dict) -> dict:
    return {key: value for key, value in fields.items() if value is not None}


def _partial(rollout: Rollout, corners: Equality | None) -> dict | None:
    stopped_by = rollout.stopped_by or (corners.stopped_by if corners else None)
    if stopped_by is None:
        return None
    reason = "interrupted by the user" if isinstance(stopped_by, KeyboardInterrupt) else str(stopped_by)
    cut = next((episode for episode in rollout.episodes if not episode.finished), None)
    unfinished = {"seed": cut.seed, "steps": cut.steps, "return": cut.episode_return} if cut else None
    return _without_absent(
        {
            "reason": reason,
            "requested_episodes": rollout.requested_episodes,
            "finished_episodes": len(rollout.finished),
            "unfinished": unfinished,
        }
    )


def _actor(actor: Actor, build: Build) -> dict:
    policy, hidden = actor.policy, actor.policy.layers[:-1]
    return _without_absent(
        {
            "env": policy.env_id,
            "algo": actor.about["algorithm"],
            "shape": list(policy.shape),
            "sparsity": actor.about["sparsity"]["nominal"],
            "weights": actor.about["sparsity"]["weights"],
            "nnz": policy.nonzeros,
            "nnz_effective": build.nonzeros_effective,
            "weight_bits": policy.weight_bits,
            "activation_bits": max((layer.output_bits for layer in hidden), default=None),
            "observation_bits": policy.observation.bits,
            "digest": policy.digest,
        }
    )


def _compression(actor: Actor, build: Build) -> dict | None:
    if build.flash_bytes is None:
        return None
    weights = actor.about["sparsity"]["weights"]
    biases = sum(layer.rows for layer in actor.policy.layers)
    dense_bytes = 4 * (weights + biases)
    policy_bytes = sum(build.flash_bytes[part] for part in _POLICY_FLASH)
    return {
        "dense_fp32_bytes": dense_bytes,
        "policy_flash_bytes": policy_bytes,
        "ratio": round(dense_bytes / policy_bytes, 2),
        "paper_ratio": round(32 * weights / (actor.policy.weight_bits * max(1, actor.policy.nonzeros)), 2),
    }


def _timing(build: Build, rollout: Rollout, cycle_range: Sequence[CycleSample]) -> dict | None:
    device = rollout.device
    if rollout.cycles is None or device.cycles_source is None:
        return None
    cycles = asdict(quantiles(rollout.cycles))
    bins = histogram(rollout.cycles)
    timing = {
        "cycles": cycles,
        "cycles_histogram": {"edges": list(bins.edges), "counts": list(bins.counts)},
        "source": device.cycles_source,
        "jitter_cycles": cycles["max"] - cycles["min"],
    }
    if cycle_range:
        timing["cycles_range"] = [
            {"source": sample.source, "cycles": asdict(quantiles(sample.cycles))} for sample in cycle_range
        ]
    if device.clock_hz:
        latency_us = {name: round(value * 1e6 / device.clock_hz, 3) for name, value in cycles.items()}
        jitter_us = round(timing["jitter_cycles"] * 1e6 / device.clock_hz, 3)
        timing |= {"clock_hz": device.clock_hz, "latency_us": latency_us, "jitter_us": jitter_us}
    if build.energy_per_cycle_nj is not None:
        value = round(cycles["median"] * build.energy_per_cycle_nj * 1e-3, 3)
        timing["energy_uj"] = {"value": value, "source": build.energy_source}
    return timing


def _health(health: Health) -> dict:
    cause = health.reset_cause
    known = {int(member): member.name.lower() for member in ResetCause}
    return {
        "reset_cause": known.get(cause, f"unknown ({cause})"),
        "watchdog_ms": health.watchdog_ms,
        "safe_timeout_ms": health.timeout_ms,
        "safe_when_not_finite": health.safe_when_not_finite,
        "safe_action": list(health.action),
        "cycles": {"min": health.cycles_min, "max": health.cycles_max},
        "not_finite": health.not_finite,
        "timeouts": health.timeouts,
    }


def _equality(rollout: Rollout, corners: Equality | None) -> dict:
    total = rollout.equality + (corners or Equality())
    first = [_mismatch("closed_loop", mismatch) for mismatch in rollout.equality.first]
    first += [_mismatch("corner_observations", mismatch) for mismatch in (corners.first if corners else ())]
    return _without_absent(
        {
            "device": rollout.device.name,
            "oracle": ORACLE,
            "inferences": total.inferences,
            "mismatches": total.mismatches,
            "closed_loop": _tally(rollout.equality),
            "corner_observations": _tally(corners) if corners else None,
            "first_mismatches": first or None,
        }
    )


def _tally(equality: Equality) -> dict:
    return {"inferences": equality.inferences, "mismatches": equality.mismatches}


def _mismatch(source: str, mismatch: Mismatch) -> dict:
    return _without_absent(
        {
            "source": source,
            "episode": mismatch.episode,
            "step": mismatch.step,
            "observation": [str(value) for value in mismatch.observation],
            "device_codes": mismatch.device_codes.tolist(),
            "oracle_codes": mismatch.oracle_codes.tolist(),
            "device_status": mismatch.device_status,
            "oracle_status": mismatch.oracle_status,
        }
    )


def _reward(actor: Actor, rollout: Rollout) -> dict | None:
    finished = rollout.finished
    if not finished:
        return None
    reference = [episode.episode_return for episode in rollout.reference if episode.finished]
    recorded = {name: actor.about["returns"].get(name) for name in ("quantised", "float", "dense")}
    return _without_absent(
        {
            "episodes": len(finished),
            "seeds": [episode.seed for episode in finished],
            "device": _returns([episode.episode_return for episode in finished]),
            "reference": _returns(reference) | {"replayed": rollout.reference_replayed} if reference else None,
            **recorded,
        }
    )


def _returns(values: list[float]) -> dict:
    summary = summarise(values)
    ci95 = list(summary.ci95) if summary.ci95 else None
    return _without_absent({"mean": summary.mean, "std": summary.std, "ci95": ci95, "returns": values})
