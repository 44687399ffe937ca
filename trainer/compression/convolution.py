"""A convolution that can be sparse and integer; the residual network of Espeholt et al. (2018, arXiv 1802.01561)."""

from __future__ import annotations

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from .layers import SparseLayer

_RESIDUAL_CHANNELS = (32, 64, 64)  # twice the width of the original (Graesser et al. 2022, arXiv 2206.10369)


class SparseConv2d(SparseLayer, nn.Conv2d):
    """`torch.nn.Conv2d` as a sparse layer; a row is an output channel with its kernel."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        nn.Module.__init__(self)
        self.in_channels, self.out_channels = convolution.in_channels, convolution.out_channels
        self.kernel_size, self.stride, self.padding = convolution.kernel_size, convolution.stride, convolution.padding
        self.dilation, self.groups = convolution.dilation, convolution.groups
        self.padding_mode, self.transposed, self.output_padding = convolution.padding_mode, False, (0, 0)
        self.weight, self.bias = convolution.weight, convolution.bias
        self._start_dense()

    def _multiply(self, values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(values, weight, bias, self.stride, self.padding, self.dilation, self.groups)


class ResidualBlock(nn.Sequential):
    """Adds two convolutions, each behind a ReLU, to what comes in."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Outputs of the shape of `values`, (batch, channels, height, width)."""
        return values + super().forward(values)


class ResidualExtractor(BaseFeaturesExtractor):
    """Three stacks of convolution, max-pooling and two residual blocks, then a linear layer: images to features."""

    def __init__(self, observation_space: gymnasium.spaces.Box, features_dim: int = 512) -> None:
        super().__init__(observation_space, features_dim)
        channels = [observation_space.shape[0], *_RESIDUAL_CHANNELS]
        stacks = [_stack(before, after) for before, after in zip(channels, channels[1:], strict=False)]
        self.cnn = nn.Sequential(*stacks, nn.ReLU(), nn.Flatten())
        with torch.no_grad():
            flat = self.cnn(torch.zeros(1, *observation_space.shape)).shape[1]
        self.linear = nn.Sequential(nn.Linear(flat, features_dim), nn.ReLU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Features (batch, features_dim) of images (batch, channels, height, width) from 0 to 1."""
        return self.linear(self.cnn(observations))


def _stack(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3), nn.MaxPool2d(3, stride=2), ResidualBlock(after), ResidualBlock(after)
    )
