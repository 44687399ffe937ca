"""emlearn (https://emlearn.org, MIT) as a peer: the float32 network that its generator writes for a multilayer
perceptron, with the matrices of the same policy, zeros included.

Its "loadable" form is measured, which `emlearn.convert(...).save()` writes by default; its fixed-point network has no
code yet (0.23.2), and it has none for sparse matrices.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganglion.codegen.policy import Policy
from ganglion.codegen.templating import c_templates

from .program import Function

EMLEARN = "emlearn"
_LIBC = Path(__file__).parent / "libc"


def emlearn_function(policy: Policy, template: str, optimise: tuple[str, ...]) -> Function:
    """emlearn's C for `policy`, floats in and out; its headers come from the installed package.

    They include headers of a C library for functions that this network does not call: `libc/` declares those.
    """
    with np.errstate():  # its import makes every floating-point error of the process an exception
        import emlearn
        from emlearn.net import c_generate_net_loadable

    scales = [2.0 ** layer.weight_exponents.astype(float) for layer in policy.layers]
    weights = [(layer.weights * scale[:, None]).T for layer, scale in zip(policy.layers, scales, strict=True)]
    biases = [
        layer.bias * scale * 2.0**layer.input_exponent for layer, scale in zip(policy.layers, scales, strict=True)
    ]
    relu = ["relu" if layer.relu else "identity" for layer in policy.layers]
    code = c_generate_net_loadable(relu, weights, [np.asarray(bias) for bias in biases], prefix="net")
    outputs = policy.layers[-1].rows
    header = (
        c_templates(__package__).get_template(template).render(code=code, features=policy.features, outputs=outputs)
    )
    folders = (_LIBC, Path(emlearn.__file__).parent)
    return Function(header, "peer", "float", "float", outputs, "<f4", optimise, folders)
