"""Cascaded refinement networks for one image (Chen and Koltun 2017), in PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_networks.layers import one_hot, refinement
from benchmarks.torch_networks.vgg import PerceptualLoss
from ccfpse_tf.models.generators.crn import widths_of


class Generator(nn.Module):
    """Modules from coarse to fine; each reads the layout and the one before."""

    def __init__(self, classes, widths):
        super().__init__()
        self.stages = nn.ModuleList(
            refinement(classes + before, width, width)
            for before, width in zip((0, *widths), widths, strict=False)
        )
        self.image = nn.Conv2d(widths[-1], 3, 1)

    def forward(self, layout):
        """Images, where ``[-1, 1]`` is black to white."""
        layouts = [layout]
        for _ in self.stages[1:]:
            layouts.append(F.avg_pool2d(layouts[-1], 2))
        x = None
        for stage in self.stages:
            small = layouts.pop()
            if x is not None:
                x = F.interpolate(
                    x, small.shape[2:], mode="bilinear", align_corners=True
                )
                small = torch.cat([small, x], 1)
            x = stage(small)
        return self.image(x)


class System(nn.Module):
    """The network, with inference and training step.

    Args: as :class:`benchmarks.torch_networks.spade.System`.
    """

    discriminator = None

    def __init__(self, network, trained: bool):
        super().__init__()
        self.label_channels = network.label_channels
        widths = widths_of(network.image_size, network.ngf)
        self.generator = Generator(network.label_channels, widths)
        if trained:
            self.loss = PerceptualLoss()
            self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-4)

    @torch.no_grad()
    def synthesize(self, batch):
        """Images."""
        return self.generator(one_hot(batch["label"], self.label_channels))

    def training_step(self, batch):
        """One update."""
        fake = self.generator(one_hot(batch["label"], self.label_channels))
        loss = self.loss(fake, batch["image"])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()
