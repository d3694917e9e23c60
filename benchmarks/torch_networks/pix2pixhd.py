"""pix2pixHD's global generator (Wang et al. 2018), in PyTorch, the plain way."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_networks.layers import with_edges
from benchmarks.torch_networks.patches import MultiscaleDiscriminator, feature_matching

DEPTH, BLOCKS = 4, 9


def _activated(convolution, width):
    return [convolution, nn.InstanceNorm2d(width), nn.ReLU()]


class ResidualBlock(nn.Module):
    """Two convolutions with reflected borders."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_activated(nn.Conv2d(width, width, 3), width),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x):
        """In the shape of ``x``."""
        return x + self.layers(x)


def generator(semantics, ngf) -> nn.Sequential:
    """Halvings, residual blocks, doublings."""
    widths = [ngf * 2**level for level in range(DEPTH + 1)]
    layers = [nn.ReflectionPad2d(3), *_activated(nn.Conv2d(semantics, ngf, 7), ngf)]
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        halving = nn.Conv2d(inputs, outputs, 3, 2, 1)
        layers += _activated(halving, outputs)
    layers += [ResidualBlock(widths[-1]) for _ in range(BLOCKS)]
    for inputs, outputs in zip(widths[::-1], widths[-2::-1], strict=False):
        doubling = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1)
        layers += _activated(doubling, outputs)
    return nn.Sequential(
        *layers, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh()
    )


def _least_squares(found, target):
    """Summed over the scales."""
    return sum(F.mse_loss(m[-1], torch.full_like(m[-1], target)) for m in found)


class System(nn.Module):
    """The networks, with inference and training step.

    Args: as :class:`benchmarks.torch_networks.spade.System`.
    """

    def __init__(self, network, trained: bool):
        super().__init__()
        self.label_channels = network.label_channels
        semantics = network.label_channels + 1
        self.generator = generator(semantics, network.ngf)
        self.discriminator = None
        if trained:
            self.discriminator = MultiscaleDiscriminator(semantics, network.ndf, False)
            self.generator_optimizer, self.discriminator_optimizer = (
                torch.optim.Adam(part.parameters(), lr=2e-4, betas=(0.5, 0.999))
                for part in (self.generator, self.discriminator)
            )
        self.train(trained)

    def _semantics(self, batch):
        return with_edges(batch["label"], batch["instance"], self.label_channels)

    @torch.no_grad()
    def synthesize(self, batch):
        """Images in evaluation mode."""
        return self.generator(self._semantics(batch))

    def training_step(self, batch):
        """Both updates, of one generated image, without perceptual loss."""
        real, semantics = batch["image"], self._semantics(batch)
        fake = self.generator(semantics)
        apart = self.discriminator(semantics, fake.detach())
        reals = self.discriminator(semantics, real)
        fakes = self.discriminator(semantics, fake)
        loss = _least_squares(fakes, 1.0) + 10 * feature_matching(fakes, reals)
        of_both = (_least_squares(apart, 0.0) + _least_squares(reals, 1.0)) / 2

        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        self.discriminator_optimizer.zero_grad()
        of_both.backward()
        self.discriminator_optimizer.step()
        return of_both.item()
