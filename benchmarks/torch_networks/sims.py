"""The refinement network of SIMS (Qi et al. 2018), 256p form, in PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_networks.layers import one_hot, refinement
from benchmarks.torch_networks.vgg import PerceptualLoss

CANVAS = 4  # channels: colours and their mask
CONVOLUTIONS = (2, 2, 3, 3, 3, 3)  # of the encoder's stages
WIDTHS = (1, 2, 4, 8, 8, 8)


def _resized(x, size):
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


class Generator(nn.Module):
    """An encoder, and a decoder that reads its maps and the input, resized."""

    def __init__(self, classes, ngf):
        super().__init__()
        given, widths = classes + CANVAS, [n * ngf for n in WIDTHS]
        self.encoder = nn.ModuleList(
            refinement(before, *[width] * count)
            for before, width, count in zip(
                (given, *widths), widths, CONVOLUTIONS, strict=False
            )
        )
        made = [widths[-1]] * 5 + [widths[2]]
        self.decoder = nn.ModuleList(
            refinement(given + width + before, after, after)
            for width, before, after in zip(
                widths[::-1], (0, *made), made, strict=False
            )
        )
        self.final = refinement(given + made[-1], widths[2], widths[2])
        self.image = nn.Conv2d(widths[2], 3, 1)
        self.scores = nn.Conv2d(widths[2], classes, 1)

    def forward(self, given):
        """Images, where ``[-1, 1]`` is black to white, and scores of the classes."""
        x, maps = given, []
        for stage in self.encoder:
            # What is padded, at the end alone, does not count.
            x = F.avg_pool2d(stage(x), 3, 2, ceil_mode=True)
            maps.append(x)
        x = None
        for stage in self.decoder:
            pooled = maps.pop()
            height, width = pooled.shape[2:]
            parts = [_resized(given, (height, width)), pooled]
            x = stage(torch.cat(parts + ([] if x is None else [x]), 1))
            x = _resized(x, (2 * height, 2 * width))
        x = self.final(torch.cat([given, x], 1))
        return self.image(x), self.scores(x)


class System(nn.Module):
    """The network, with inference and training step.

    Args: as :class:`benchmarks.torch_networks.spade.System`.
    """

    discriminator = None

    def __init__(self, network, trained: bool):
        super().__init__()
        self.label_channels = network.label_channels
        self.generator = Generator(network.label_channels, network.ngf)
        if trained:
            self.loss = PerceptualLoss()
            self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-4)

    def _given(self, batch):
        layout = one_hot(batch["canvas_label"], self.label_channels)
        return torch.cat([layout, batch["canvas"], batch["mask"][:, None]], 1)

    @torch.no_grad()
    def synthesize(self, batch):
        """Images."""
        return self.generator(self._given(batch))[0]

    def training_step(self, batch):
        """One update."""
        fake, scores = self.generator(self._given(batch))
        entropy = F.cross_entropy(scores, batch["label"].long())
        loss = self.loss(fake, batch["image"]) + 10 * entropy
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()
