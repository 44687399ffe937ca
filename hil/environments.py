"""Gymnasium environments as a device meets them: by id, quiet, and of the shape the policy was made for."""

from __future__ import annotations

import difflib
import importlib.util
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterable

import gymnasium

from ganglion.codegen.policy import Policy

_LOG = logging.getLogger(__name__)
_PREFERRED_VERSION = 4  # the version of the MuJoCo tasks that the literature's returns are told for
_NEAR = 0.65  # of difflib's ratio: "Cart" is near CartPole, "Nope" is not near Hopper


class UnknownEnvironmentError(ValueError):
    """A name that is no environment here, or an environment that the policy was not made for."""


def resolve_env_id(name: str, known: Iterable[str] = ()) -> str:
    """The full id of `name`: itself, or for a bare name such as "Hopper" its -v4, else its newest version.

    `known` are ids that count beside gymnasium's registry, such as those of the zoo. "module:Id" imports the module,
    which is to register the environment: one that is installed or lies in the working folder.
    """
    module, there = _split(name)
    ids, before = set(known) | set(gymnasium.registry), f"{module}:" if module is not None else ""
    if there in ids:
        return before + there
    versions = [env_id for env_id in ids if base_name(env_id) == there]
    if versions:
        preferred = f"{there}-v{_PREFERRED_VERSION}"
        return before + (preferred if preferred in versions else max(versions, key=_version))
    raise UnknownEnvironmentError(_unknown(there, ids, before))


def base_name(env_id: str) -> str:
    """An id without its version: "Hopper" for "Hopper-v4"."""
    return re.sub(r"-v\d+$", "", env_id)


def file_name(env_id: str) -> str:
    """An id as a file or folder may be called: "ALE-Pong-v5" for "ALE/Pong-v5"."""
    return re.sub("[/:]", "-", env_id)


def make_env(env_id: str, policy: Policy) -> gymnasium.Env:
    """Make `env_id` without its deprecation notices; refuse one whose spaces do not fit `policy`."""
    env = open_quietly(env_id)
    problem = _mismatch(env, policy)
    if problem:
        env.close()
        raise UnknownEnvironmentError(f"environment {env_id} does not fit the policy of {policy.env_id}: {problem}")
    return env


def open_quietly(env_id: str) -> gymnasium.Env:
    """`gymnasium.make` without deprecation notices; MuJoCo's warnings, which it would write to MUJOCO_LOG.TXT in the
    working folder, go to the log. UnknownEnvironmentError for what is not there or cannot be made."""
    _split(env_id)
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    if importlib.util.find_spec("mujoco"):
        import mujoco

        mujoco.set_mju_user_warning(_LOG.info)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return gymnasium.make(env_id)
        except gymnasium.error.UnregisteredEnv as error:
            raise UnknownEnvironmentError(_unknown(env_id, set(gymnasium.registry))) from error
        except (gymnasium.error.Error, ImportError) as error:
            raise UnknownEnvironmentError(f"environment {env_id} cannot be made: {error}") from error
        except Exception as error:  # whatever a constructor raises
            told = f"{type(error).__name__}: {error}"
            raise UnknownEnvironmentError(f"environment {env_id} cannot be made: {told}") from error


def _split(name: str) -> tuple[str | None, str]:
    """The module of "module:Id", imported as `python -m` would find it, and the id; no module for a plain id.

    UnknownEnvironmentError for a module that cannot be imported.
    """
    module, colon, env_id = name.partition(":")
    if not colon:
        return None, name
    folder = os.getcwd()
    if folder not in sys.path and "" not in sys.path:
        sys.path.append(folder)
    try:
        importlib.import_module(module)
    except Exception as error:
        raise UnknownEnvironmentError(
            f"module {module!r}, which is to register {name}, cannot be imported: {type(error).__name__}: {error}; "
            "install it, or start the command in the folder where it lies"
        ) from error
    return module, env_id


def _mismatch(env: gymnasium.Env, policy: Policy) -> str | None:
    shape = env.observation_space.shape
    if shape != (policy.features,):
        return f"its observations have shape {shape}, the policy reads ({policy.features},)"
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    if discrete != (policy.head.kind == "argmax"):
        return f"its actions are {env.action_space}, the policy ends in {policy.head.kind}"
    wanted = int(env.action_space.n) if discrete else env.action_space.shape[0]
    if wanted != policy.layers[-1].rows:
        return f"it takes {wanted} actions, the policy has {policy.layers[-1].rows}"
    return None


def _unknown(name: str, ids: set[str], before: str = "") -> str:
    by_lower_case = {known.lower(): known for env_id in ids for known in (env_id, base_name(env_id))}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=_NEAR)
    hint = f"did you mean {before}{by_lower_case[near[0]]}?" if near else "give a gymnasium id such as Hopper-v4"
    return f"there is no environment {before + name!r}; {hint}"


def _version(env_id: str) -> int:
    found = re.search(r"-v(\d+)$", env_id)
    return int(found[1]) if found else -1
