"""SPADE without style code (Park et al. 2019), in PyTorch, the plain way."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_networks.layers import SLOPE, Spade, spectral, with_edges
from benchmarks.torch_networks.patches import MultiscaleDiscriminator, feature_matching


class SpadeBlock(nn.Module):
    """Twice: SPADE, leaky ReLU, convolution; and a shortcut."""

    def __init__(self, inputs, outputs, layout, hidden):
        super().__init__()
        middle = min(inputs, outputs)
        self.norm_0 = Spade(inputs, layout, hidden)
        self.conv_0 = spectral(nn.Conv2d(inputs, middle, 3, padding=1))
        self.norm_1 = Spade(middle, layout, hidden)
        self.conv_1 = spectral(nn.Conv2d(middle, outputs, 3, padding=1))
        self.shortcut = inputs != outputs
        if self.shortcut:
            self.norm_s = Spade(inputs, layout, hidden)
            self.conv_s = spectral(nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x, semantics):
        """``semantics`` of the image's size are brought to that of ``x``."""
        layout = F.interpolate(semantics, x.shape[2:], mode="nearest")
        h = self.conv_0(F.leaky_relu(self.norm_0(x, layout), SLOPE))
        h = self.conv_1(F.leaky_relu(self.norm_1(h, layout), SLOPE))
        if self.shortcut:
            x = self.conv_s(self.norm_s(x, layout))
        return x + h


class Generator(nn.Module):
    """Makes images from one-hot semantics; five doublings."""

    def __init__(self, semantics, image_size, ngf, hidden):
        super().__init__()
        self.first = tuple(n // 32 for n in image_size)
        widths = [n * ngf for n in (16, 16, 16, 16, 8, 4, 2, 1)]
        self.fc = nn.Conv2d(semantics, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(
            SpadeBlock(inputs, outputs, semantics, hidden)
            for inputs, outputs in zip(widths, widths[1:], strict=False)
        )
        self.conv_img = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, semantics):
        """Images in ``[-1, 1]``."""
        x = self.fc(F.interpolate(semantics, self.first, mode="nearest"))
        for number, block in enumerate(self.blocks):
            if number not in (0, 2):
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(x, semantics)
        return torch.tanh(self.conv_img(F.leaky_relu(x, SLOPE)))


class System(nn.Module):
    """The networks, with inference and training step.

    Args:
        network: sizes, a :class:`benchmarks.models.Network`.
        trained: whether discriminator and optimisers are needed.
    """

    def __init__(self, network, trained: bool):
        super().__init__()
        self.label_channels = network.label_channels
        semantics = network.label_channels + 1
        self.generator = Generator(
            semantics, network.image_size, network.ngf, network.hidden
        )
        self.discriminator = None
        if trained:
            self.discriminator = MultiscaleDiscriminator(semantics, network.ndf, True)
            self.generator_optimizer, self.discriminator_optimizer = (
                torch.optim.Adam(part.parameters(), lr=lr, betas=(0.0, 0.9))
                for part, lr in ((self.generator, 1e-4), (self.discriminator, 4e-4))
            )
        self.train(trained)

    def _semantics(self, batch):
        return with_edges(batch["label"], batch["instance"], self.label_channels)

    @torch.no_grad()
    def synthesize(self, batch):
        """Images in evaluation mode."""
        return self.generator(self._semantics(batch))

    def _discriminate(self, fake, real, semantics):
        """The maps of both images, which the discriminator sees as one batch."""
        found = self.discriminator(
            torch.cat([semantics, semantics]), torch.cat([fake, real])
        )
        return tuple(
            [[one.chunk(2)[half] for one in maps] for maps in found] for half in (0, 1)
        )

    def training_step(self, batch):
        """Both updates, without perceptual loss."""
        real, semantics = batch["image"], self._semantics(batch)
        fakes, reals = self._discriminate(self.generator(semantics), real, semantics)
        loss = 10 * feature_matching(fakes, reals)
        loss = loss - sum(maps[-1].mean() for maps in fakes) / len(fakes)
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()

        with torch.no_grad():
            fake = self.generator(semantics)
        fakes, reals = self._discriminate(fake, real, semantics)
        loss = sum(F.relu(1 + maps[-1]).mean() for maps in fakes) / len(fakes)
        loss = loss + sum(F.relu(1 - maps[-1]).mean() for maps in reals) / len(reals)
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        self.discriminator_optimizer.step()
        return loss.item()
