"""The policy's head as a layer of hls4ml, by its extension interface (hls4ml documentation, "Extension API")."""

from __future__ import annotations

from functools import cache

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute
from hls4ml.model.layers import Layer, register_layer


class GanglionHead(Layer):
    """Output codes in, 16-bit action codes out; `head` is tanh, clip or argmax, `exponent` the output codes'."""

    _expected_attributes = [  # noqa: RUF012 - hls4ml reads this list
        Attribute("n_in"),
        Attribute("n_out"),
        Attribute("exponent"),
        Attribute("head", value_type=str),
    ]

    def initialize(self) -> None:
        """Give the layer its output."""
        self.add_output_variable([self.attributes["n_out"]])


class _Config(LayerConfigTemplate):
    def __init__(self) -> None:
        super().__init__(GanglionHead)

    def format(self, node: Layer) -> str:
        fields = "".join(
            f"    static const {kind} {name} = {node.get_attr(name)};\n"
            for kind, name in (("unsigned", "n_in"), ("unsigned", "n_out"), ("int", "exponent"))
        )
        return f"struct config{node.index} : nnet::ganglion_head_config {{\n{fields}}};\n"


class _Call(FunctionCallTemplate):
    def __init__(self) -> None:
        super().__init__(GanglionHead, include_header=["nnet_utils/ganglion_head.h"])

    def format(self, node: Layer) -> str:
        call = "nnet::ganglion_{head}<{input_t}, {output_t}, {config}>({input}, {output});"
        return call.format(**self._default_function_params(node))


@cache
def register_head(backend: str) -> None:
    """Teach hls4ml's `backend` the layer GanglionHead, once."""
    _register_layer()
    for template in (_Config, _Call):
        get_backend(backend).register_template(template)


@cache
def _register_layer() -> None:
    register_layer("GanglionHead", GanglionHead)
