"""From a policy to a project on disk: written by hls4ml, completed, simulated, compared, and only then put in place."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from ganglion.codegen import arithmetic, reference
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy

from ..templates import render
from .backend import Backend
from .manifest import require_unedited, write_manifest
from .network import NetworkOptions, build_network
from .simulation import BUILD_SCRIPT, simulate_project

TEST_VECTORS = 100  # of those that were compared, kept for the vendor's simulation


class MismatchError(RuntimeError):
    """The C simulation differs from the oracle; says where."""


class ConstantError(ValueError):
    """A policy whose actions do not depend on the observation; says which layer is empty."""


@dataclass(frozen=True)
class Project:
    """A project that was `compared` with the oracle on so many observations without a difference."""

    folder: Path
    name: str
    backend: Backend
    compared: int


def write_project(
    policy: Policy,
    backend: Backend,
    options: NetworkOptions,
    folder: Path,
    codes: np.ndarray,
    force: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Project:
    """Write the hls4ml project of `policy` into `folder` and compare its C simulation with the oracle on observation
    `codes` (n, features).

    EditedError when `folder` holds edited files and `force` is False; MismatchError, InexactError or ToolError when
    the project cannot be trusted: then `folder` stays as it was.
    """
    if not force:
        require_unedited(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    live = simplify(policy)
    _require_neurons(live)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    expected = reference.infer_codes(policy, codes)
    progress(f"hls4ml writes {folder}")
    stamp = policy.digest[:8]
    _write(live, backend, options, partial, folder.name, stamp)
    _write_test_vectors(partial / "tb_data", live, codes[:TEST_VECTORS], expected[:TEST_VECTORS])
    progress(f"g++ compiles the C simulation of {live.nonzeros} nonzeros; that takes seconds to minutes")
    found = simulate_project(partial, options.name, stamp, live, codes)
    _require_equal(codes, found, expected, partial)
    facts = {"digest": policy.digest, "backend": backend.name, "compared": len(codes), "options": asdict(options)}
    write_manifest(partial, facts)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return Project(folder, options.name, backend, len(codes))


def _require_neurons(policy: Policy) -> None:
    for index, layer in enumerate(policy.layers):
        if not layer.rows:
            raise ConstantError(
                f"layer {index} has no live neuron: the actions do not depend on the observation; train or distil the "
                "actor at a lower sparsity"
            )


def _write(
    policy: Policy, backend: Backend, options: NetworkOptions, folder: Path, final_name: str, stamp: str
) -> None:
    graph = build_network(policy, backend, options, folder)
    with contextlib.redirect_stdout(io.StringIO()):
        graph.write()
    _replace(folder / BUILD_SCRIPT, "-O3", "-O1")  # compiles in half the time
    drawn = graph.config.get_config_value("Stamp")  # at random
    _replace(folder / BUILD_SCRIPT, drawn, stamp)
    configuration = folder / "hls4ml_config.yml"
    for written in (f"'{drawn}'", drawn):  # YAML quotes what looks like a number
        _replace(configuration, written, stamp)
    _replace(configuration, str(folder), final_name)
    utilities = folder / "firmware" / "nnet_utils"
    header = files(__package__).joinpath("nnet_utils", "ganglion_head.h").read_text()
    (utilities / "ganglion_head.h").write_text(header)
    nodes = [int(node) for node in arithmetic.tanh_table()]
    text = render("tanh_nodes.h.j2", nodes=nodes, ac_types=backend.ac_types)
    (utilities / "ganglion_tanh_nodes.h").write_text(text)


def _replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def _write_test_vectors(folder: Path, policy: Policy, codes: np.ndarray, actions: np.ndarray) -> None:
    """Observations and the oracle's answers, as the project's test bench reads them: one row a line, as reals."""
    exponent = 0 if policy.head.kind == "argmax" else arithmetic.ACTION_EXPONENT
    folder.mkdir(exist_ok=True)
    np.savetxt(folder / "tb_input_features.dat", codes * np.exp2(policy.observation.exponent), fmt="%.17g")
    np.savetxt(folder / "tb_output_predictions.dat", actions * np.exp2(exponent), fmt="%.17g")


def _require_equal(codes: np.ndarray, found: np.ndarray, expected: np.ndarray, folder: Path) -> None:
    different = np.flatnonzero((found != expected).any(axis=1))
    if len(different):
        first = different[0]
        raise MismatchError(
            f"the C simulation differs from the oracle on {len(different)} of {len(codes)} observations; codes "
            f"{codes[first].tolist()} give {found[first].tolist()}, the oracle gives {expected[first].tolist()}; "
            f"the project is left in {folder} to look at"
        )
