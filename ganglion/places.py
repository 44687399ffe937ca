"""Where things lie: build/<env>-<digest8>-<target>/ for one build, and a link build/<ENV> to the latest."""

from __future__ import annotations

import glob
import json
import os
import re
from pathlib import Path

from ganglion.codegen.policy import Policy
from ganglion.hil.environments import base_name, file_name
from ganglion.hil.report import write_whole

BUILD = Path("build")
_IMAGE = "image.sha256"


def build_folder(policy: Policy, target: str, root: Path = BUILD) -> Path:
    """The folder of all that is built from `policy` for `target`, such as build/Hopper-v4-1a2b3c4d-cortex-m4."""
    return root / f"{file_name(policy.env_id)}-{policy.digest[:8]}-{target}"


def latest_link(env_id: str, root: Path = BUILD) -> Path:
    """The link to the latest build for an environment, such as build/Hopper."""
    return root / file_name(base_name(env_id))


def point_latest(env_id: str, folder: Path) -> Path:
    """Let the environment's link point to `folder`, its sibling, in one step."""
    link = latest_link(env_id, folder.parent)
    partial = link.with_name(f".{link.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(folder.name, target_is_directory=True)
    os.replace(partial, link)
    return link


def note_image(folder: Path, digest: str) -> None:
    """Write down that what lies in `folder` from now on has this SHA-256 (hex)."""
    write_whole(folder / _IMAGE, f"{digest}\n")


def is_current(report: Path) -> bool:
    """Whether a report is of what lies in its folder now; also where nobody has written that down."""
    try:
        noted = (report.parent / _IMAGE).read_text().strip()
        return json.loads(report.read_text())["build"].get("image") == noted
    except FileNotFoundError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def device_reports(env_id: str, root: Path = BUILD, kind: str | None = None) -> list[Path]:
    """The finished reports of all runs of actors for an environment, on devices of `kind` or on any, that are of what
    lies beside them now."""
    name = glob.escape(kind) if kind else "*"
    found = sorted(root.glob(f"{glob.escape(file_name(env_id))}-????????-*/report-{name}.json"))
    return [path for path in found if ".partial" not in path.suffixes and is_current(path)]


def c_identifier(env_id: str) -> str:
    """The name of the policy in C: "hopper" for "Hopper-v4"."""
    return re.sub(r"\W+", "_", base_name(env_id)).lower()
