"""What the networks of several methods are made of, in PyTorch."""

from __future__ import annotations

import warnings

import torch
from torch import nn

SLOPE = 0.2  # of leaky ReLU, in all networks


def activation() -> nn.Module:
    """Leaky ReLU with the slope of all networks."""
    return nn.LeakyReLU(SLOPE)


def spectral(convolution: nn.Module) -> nn.Module:
    """With spectral normalisation, by the form whose tensors checkpoints name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # a newer form renames them
        return nn.utils.spectral_norm(convolution)


def normalized(inputs, outputs, size=3, stride=1, norm=nn.BatchNorm2d) -> nn.Sequential:
    """Spectrally normalised convolution, normalisation."""
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(spectral(convolution), norm(outputs))


class Spade(nn.Module):
    """``BN(x) * (1 + gamma(layout)) + beta(layout)``."""

    def __init__(self, channels, layout, hidden):
        super().__init__()
        self.param_free_norm = nn.BatchNorm2d(channels, affine=False)
        shared = nn.Conv2d(layout, hidden, 3, padding=1)
        self.mlp_shared = nn.Sequential(shared, nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x, layout):
        """Both maps have the size of ``x``."""
        hidden = self.mlp_shared(layout)
        scale = 1 + self.mlp_gamma(hidden)
        return self.param_free_norm(x) * scale + self.mlp_beta(hidden)


def refinement(inputs: int, *widths: int) -> nn.Sequential:
    """Convolutions 3x3 without bias, each normalised over the whole image, activated.

    Those of CRN and SIMS.
    """
    layers = []
    for outputs in widths:
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.GroupNorm(1, outputs, eps=1e-12),
            activation(),
        ]
        inputs = outputs
    return nn.Sequential(*layers)


def one_hot(label: torch.Tensor, channels: int) -> torch.Tensor:
    """``(batch, channels, height, width)`` of class indices."""
    batch, height, width = label.shape
    zeros = torch.zeros((batch, channels, height, width), device=label.device)
    return zeros.scatter_(1, label[:, None].long(), 1.0)


def with_edges(label, instance, channels: int) -> torch.Tensor:
    """One-hot channels, then the edges of instances."""
    edges = torch.zeros(label.shape, dtype=torch.bool)
    across = instance[:, :, 1:] != instance[:, :, :-1]
    down = instance[:, 1:] != instance[:, :-1]
    edges[:, :, 1:] |= across
    edges[:, :, :-1] |= across
    edges[:, 1:] |= down
    edges[:, :-1] |= down
    return torch.cat([one_hot(label, channels), edges[:, None].float()], 1)
