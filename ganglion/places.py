"""Where things lie: build/<env>-<digest8>-<target>/ for one build, and a link build/<ENV> to the latest."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from ganglion.codegen.policy import Policy
from ganglion.hil.environments import base_name

BUILD = Path("build")


def build_folder(policy: Policy, target: str, root: Path = BUILD) -> Path:
    """The folder of all that is built from `policy` for `target`, such as build/Hopper-v4-1a2b3c4d-cortex-m4."""
    return root / f"{_flat(policy.env_id)}-{policy.digest[:8]}-{target}"


def latest_link(env_id: str, root: Path = BUILD) -> Path:
    """The link to the latest build for an environment, such as build/Hopper."""
    return root / _flat(base_name(env_id))


def point_latest(env_id: str, folder: Path) -> Path:
    """Let the environment's link point to `folder`, its sibling, in one step."""
    link = latest_link(env_id, folder.parent)
    partial = link.with_name(f".{link.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(folder.name, target_is_directory=True)
    os.replace(partial, link)
    return link


def device_reports(env_id: str, root: Path = BUILD, kind: str | None = None) -> list[Path]:
    """The finished reports of all runs of actors for an environment, on devices of `kind` or on any."""
    name = glob.escape(kind) if kind else "*"
    found = sorted(root.glob(f"{glob.escape(_flat(env_id))}-????????-*/report-{name}.json"))
    return [path for path in found if ".partial" not in path.suffixes]


def c_identifier(env_id: str) -> str:
    """The name of the policy in C: "hopper" for "Hopper-v4"."""
    return re.sub(r"\W+", "_", base_name(env_id)).lower()


def _flat(name: str) -> str:
    return name.replace("/", "-")
