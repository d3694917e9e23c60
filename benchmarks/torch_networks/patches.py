"""The multi-scale patch discriminator of SPADE and pix2pixHD, in PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_networks.layers import activation, normalized

WIDEST = 512  # channels


class PatchDiscriminator(nn.Module):
    """Five 4x4 convolutions; returns all their results, the last of which scores."""

    def __init__(self, channels, ndf, spectrally):
        super().__init__()
        widths = [ndf, *(min(n * ndf, WIDEST) for n in (2, 4, 8))]
        first = nn.Conv2d(channels, ndf, 4, 2, 2)
        self.layers = nn.ModuleList([nn.Sequential(first, activation())])
        for inputs, outputs, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            if spectrally:
                layers = normalized(inputs, outputs, 4, stride, nn.InstanceNorm2d)
            else:
                convolution = nn.Conv2d(inputs, outputs, 4, stride, 2)
                layers = nn.Sequential(convolution, nn.InstanceNorm2d(outputs))
            self.layers.append(nn.Sequential(layers, activation()))
        self.layers.append(nn.Conv2d(widths[-1], 1, 4, 1, 2))

    def forward(self, x):
        """The maps of four layers, and the score map."""
        maps = []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return maps


class MultiscaleDiscriminator(nn.Module):
    """A :class:`PatchDiscriminator` for each of two scales, the finest first."""

    def __init__(self, semantic_channels, ndf, spectrally, scales=2):
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(semantic_channels + 3, ndf, spectrally)
            for _ in range(scales)
        )

    def forward(self, semantics, image):
        """For each scale the five maps."""
        x, found = torch.cat([semantics, image], 1), []
        for scale in self.scales:
            found.append(scale(x))
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return found


def feature_matching(fake, real) -> torch.Tensor:
    """Mean absolute differences, summed over layers, averaged over scales."""
    pairs = [
        pair
        for scales in zip(fake, real, strict=True)
        for pair in zip(*(maps[:-1] for maps in scales), strict=True)
    ]
    return sum(F.l1_loss(a, b.detach()) for a, b in pairs) / len(fake)
