"""The C header and the runtime's source file of a policy, as text."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from .arithmetic import ACTION_EXPONENT, TANH_SEGMENT_EXPONENT, TANH_SEGMENTS, tanh_table
from .bounds import LayerBounds
from .c_text import c_array, c_float, wrap
from .kernels import Kernel
from .known_answers import KnownAnswers
from .policy import Policy
from .tanh_turns import SEGMENT_BITS, saturates, tanh_turns
from .templating import c_templates

GENERATOR_VERSION = 1
_MAX_UNROLLED_ACTIONS = 8


def emit_c(
    name: str, policy: Policy, bounds: tuple[LayerBounds, ...], kernel: Kernel, known: KnownAnswers
) -> dict[str, str]:
    """{file name: text} of `<name>.h` and `policy.c` for a simplified policy with proved bounds."""
    context = {
        **_facts(name, policy, kernel),
        **_maps(name, policy),
        **_head(name, policy, kernel),
        "known": _known(name, known),
        "kernel_template": kernel.template,
        "head_inside": kernel.head_inside and policy.head.kind in ("tanh", "clip"),
        "layers": kernel.layers(name, policy, bounds),
    }
    templates = c_templates(__package__)
    return {
        f"{name}.h": templates.get_template("policy.h.j2").render(context),
        "policy.c": templates.get_template("policy.c.j2").render(context),
    }


def _facts(name: str, policy: Policy, kernel: Kernel) -> dict[str, Any]:
    low, high = policy.observation.code_range
    return {
        "version": GENERATOR_VERSION,
        "name": name,
        "NAME": name.upper(),
        "env_id": re.sub(r"[^A-Za-z0-9_.:-]", "?", policy.env_id),
        "environment": json.dumps(re.sub(r"[^ -~]", "?", policy.env_id)).replace("??", "?\\?"),
        "kernel": kernel.name,
        "digest": policy.digest,
        "digest_bytes": wrap(f"0x{byte:02x}" for byte in bytes.fromhex(policy.digest)).replace("\n", " \\\n"),
        "features": policy.features,
        "actions": policy.actions,
        "outputs": policy.layers[-1].rows,
        "observation_bits": policy.observation.bits,
        "output_type": "int16_t",
        "code_min": low,
        "code_max": high,
        "nonzeros": policy.nonzeros,
    }


def _maps(name: str, policy: Policy) -> dict[str, Any]:
    low, high = policy.observation.code_range
    action_map = []
    if len(policy.head.gain):
        action_map = [
            c_array(f"{name}_action_gain", policy.head.gain),
            c_array(f"{name}_action_offset", policy.head.offset),
        ]
    return {
        "observation_map": [
            c_array(f"{name}_gain", policy.observation.gain),
            c_array(f"{name}_offset", policy.observation.offset),
        ],
        "float_min": c_float(np.float32(low)),
        "float_max": c_float(np.float32(high)),
        "action_map": action_map,
    }


def _head(name: str, policy: Policy, kernel: Kernel) -> dict[str, Any]:
    exponent = policy.layers[-1].output_exponent
    return {
        "head": policy.head.kind,
        "tanh": _tanh(name, TANH_SEGMENT_EXPONENT - exponent, policy.actions, _is_fast(kernel)),
        "turns": _turns(TANH_SEGMENT_EXPONENT - exponent),
        "clip": {"scale": 1 << (exponent - ACTION_EXPONENT), "shift": exponent - ACTION_EXPONENT},
    }


def _is_fast(kernel: Kernel) -> bool:
    """Whether cycles count more than bytes; without an instruction that saturates, the fast head is too large."""
    return kernel.straight_line and kernel.instruction_set != "armv6-m"


def _tanh(name: str, fraction_bits: int, actions: int, fast: bool) -> dict[str, Any]:
    """What head_tanh.h.j2 reads; a `fast` head has nodes for both signs, and no loop over a few actions.

    The last node of the table is repeated, so that the limit has a right neighbour. The code below the limit stands for
    the limit where it rounds to the last node, too: then the range is that of a signed integer, one instruction's
    saturation. For z < 0 the nodes' line is rounded half down, which is what makes tanh odd.
    """
    nodes, limit, half = tanh_table(), TANH_SEGMENTS << fraction_bits, 1 << fraction_bits >> 1
    rise = int(nodes[-1]) - int(nodes[-2])
    rounds_up = (rise * ((1 << fraction_bits) - 1) + half) >> fraction_bits == rise
    nodes = np.append(nodes, nodes[-1])
    return {
        "lowest": -limit,
        "highest": limit - rounds_up,
        "both_signs": fast,
        "unrolled": fast and actions <= _MAX_UNROLLED_ACTIONS,
        "segments": TANH_SEGMENTS,
        "fraction_bits": fraction_bits,
        "fraction_mask": (1 << fraction_bits) - 1,
        "half": half,
        "table": c_array(f"{name}_tanh", np.concatenate([-nodes[-2:0:-1], nodes]) if fast else nodes),
    }


def _turns(fraction_bits: int) -> dict[str, Any]:
    """What a kernel with the head inside reads."""
    first_rise, turns = tanh_turns()
    return {
        "saturate": saturates(fraction_bits),
        "magnitude_bits": fraction_bits + SEGMENT_BITS,
        "segment": 1 << fraction_bits,
        "first_rise": first_rise,
        "values": turns.tolist(),
    }


def _known(name: str, known: KnownAnswers) -> dict[str, Any]:
    return {
        "count": len(known.status),
        "bits": c_array(f"{name}_known_observations", known.observations.view(np.uint32), hexadecimal=True),
        "status": c_array(f"{name}_known_status", known.status),
        "codes": c_array(f"{name}_known_codes", known.codes),
        "actions": c_array(f"{name}_known_actions", known.actions),
    }
