"""The whole method in PyTorch, the plain way: one-hot layouts, unfolded features.

Written from the paper's equations and the facts of the method, to be measured against.
Modules are named as in published checkpoints, so weights of a model of ours fit in.
Memory order is PyTorch's, `(batch, channels, height, width)`.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_networks.layers import (
    Spade,
    activation,
    normalized,
    spectral,
    with_edges,
)
from ccfpse_tf.convert.official_tensors import BLOCK_NAMES, entries

STYLE_SIZE = 256  # edge of the images that the style encoder sees
BLOCK_WIDTHS = (16, 16, 16, 8, 4, 2, 1)


def predictor(inputs, outputs, hidden, *last) -> nn.Sequential:
    """``conv3x3 -> ReLU -> conv3x3``."""
    first = nn.Conv2d(inputs, hidden, 3, padding=1)
    return nn.Sequential(
        first, nn.ReLU(), nn.Conv2d(hidden, outputs, 3, padding=1), *last
    )


def conditional_convolution(x: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Nine shifted copies of ``x``, times the kernels (channel by channel), summed."""
    batch, channels, height, width = x.shape
    columns = F.unfold(x, 3, padding=1)
    shape = (batch, channels, 9, height, width)
    return (columns.view(shape) * kernels.view(shape)).sum(2)


class Block(nn.Module):
    """The conditional block."""

    def __init__(self, inputs, outputs, layout, hidden):
        super().__init__()
        middle = min(inputs, outputs)
        self.gen_weights1 = predictor(layout, 9 * inputs, hidden)
        self.gen_weights2 = predictor(layout, 9 * middle, hidden)
        self.gen_se_weights1 = predictor(layout, middle, hidden, nn.Sigmoid())
        self.gen_se_weights2 = predictor(layout, outputs, hidden, nn.Sigmoid())
        self.norm_1 = nn.BatchNorm2d(inputs)
        self.norm_2 = nn.BatchNorm2d(middle)
        self.conv_1 = nn.Conv2d(inputs, middle, 1)
        self.conv_3 = nn.Conv2d(middle, outputs, 1)
        if inputs != outputs:
            self.norm_s = Spade(inputs, layout, hidden)
            self.conv_s = spectral(nn.Conv2d(inputs, outputs, 1, bias=False))
        self.shortcut = inputs != outputs

    def forward(self, x, layout):
        """``layout`` has the size of ``x``."""
        h = conditional_convolution(self.norm_1(x), self.gen_weights1(layout))
        h = F.leaky_relu(self.conv_1(h) * self.gen_se_weights1(layout), 0.2)
        h = conditional_convolution(self.norm_2(h), self.gen_weights2(layout))
        h = F.leaky_relu(self.conv_3(h) * self.gen_se_weights2(layout), 0.2)
        if self.shortcut:
            x = self.conv_s(self.norm_s(x, layout))
        return x + h


class Generator(nn.Module):
    """Makes images from one-hot semantics and a style code."""

    def __init__(self, semantics, image_size, ngf, depth, z_dim, hidden):
        super().__init__()
        self.depth = depth
        self.first = (16 * ngf, *(n // 2**depth for n in image_size))
        self.fc = nn.Linear(z_dim, int(np.prod(self.first)))
        for level in range(1, depth + 2):
            inputs, stride = (semantics, 1) if level == 1 else (ngf, 2)
            self._add(f"labelenc{level}", normalized(inputs, ngf, stride=stride))
        for level in range(1, depth + 1):
            self._add(f"labellat{level}", normalized(ngf, ngf, 1))
            self._add(f"labeldec{level}", normalized(ngf, ngf))
        channels = BLOCK_WIDTHS[0] * ngf
        for name, width in zip(BLOCK_NAMES, BLOCK_WIDTHS, strict=True):
            block = Block(channels, width * ngf, semantics + ngf, hidden)
            self.add_module(name, block)
            channels = width * ngf
        self.conv_img = nn.Conv2d(channels, 3, 3, padding=1)

    def _add(self, name, layers):
        self.add_module(name, nn.Sequential(layers, activation()))

    def _pyramid(self, x):
        features = []
        for level in range(1, self.depth + 2):
            x = getattr(self, f"labelenc{level}")(x)
            features.append(x)
        maps = [features.pop()]
        for level in range(1, self.depth + 1):
            x = F.interpolate(maps[-1], scale_factor=2, mode="nearest")
            x = x + getattr(self, f"labellat{level}")(features.pop())
            maps.append(getattr(self, f"labeldec{level}")(x))
        return maps

    def forward(self, semantics, z):
        """Images in ``[-1, 1]``."""
        x = self.fc(z).view(-1, *self.first)
        maps = self._pyramid(semantics)
        upsampled = (False, True, self.depth == 6, True, True, True, True)
        for name, larger in zip(BLOCK_NAMES, upsampled, strict=True):
            if larger:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            context = next(one for one in maps if one.shape[2:] == x.shape[2:])
            small = F.interpolate(semantics, x.shape[2:], mode="nearest")
            x = getattr(self, name)(x, torch.cat([small, context], 1))
        return torch.tanh(self.conv_img(F.leaky_relu(x, 0.2)))


class Discriminator(nn.Module):
    """Feature pyramid with semantics embedding."""

    def __init__(self, semantics, ndf):
        super().__init__()
        widths = (3, ndf, 2 * ndf, 4 * ndf, 8 * ndf, 8 * ndf)
        norm = nn.InstanceNorm2d
        for level in range(1, 6):
            layers = normalized(widths[level - 1], widths[level], 3, 2, norm)
            self.add_module(f"enc{level}", nn.Sequential(layers, activation()))
        for level in range(2, 6):
            layers = normalized(widths[level], 4 * ndf, 1, norm=norm)
            self.add_module(f"lat{level}", nn.Sequential(layers, activation()))
        for level in range(2, 5):
            layers = normalized(4 * ndf, 2 * ndf, norm=norm)
            self.add_module(f"final{level}", nn.Sequential(layers, activation()))
        self.tf = nn.Conv2d(2 * ndf, 1, 1)
        self.seg = nn.Conv2d(2 * ndf, 2 * ndf, 1)
        self.embedding = nn.Conv2d(semantics, 2 * ndf, 1)

    def forward(self, image, semantics):
        """Features of levels 2 to 5; scores from fine to coarse."""
        x, features = image, []
        for level in range(1, 6):
            x = getattr(self, f"enc{level}")(x)
            features.append(x)
        features = features[1:]
        summed = [self.lat5(features[3])]
        for level in (4, 3, 2):
            larger = F.interpolate(
                summed[-1], scale_factor=2, mode="bilinear", align_corners=False
            )
            side = getattr(self, f"lat{level}")(features[level - 2])
            summed.append(larger + side)
        embedded = F.avg_pool2d(self.embedding(semantics), 2)
        scores = []
        for level in (2, 3, 4):
            embedded = F.avg_pool2d(embedded, 2)
            x = getattr(self, f"final{level}")(summed[5 - level])
            match = (embedded * self.seg(x)).sum(1, keepdim=True)
            scores.append(self.tf(x) + match)
        return features, scores


class Encoder(nn.Module):
    """Returns mean and log-variance of the style of an image."""

    def __init__(self, nef, z_dim):
        super().__init__()
        widths = (3, nef, 2 * nef, 4 * nef, 8 * nef, 8 * nef, 8 * nef)
        for level in range(1, 7):
            pair = widths[level - 1 : level + 1]
            layers = normalized(*pair, 3, 2, nn.InstanceNorm2d)
            self.add_module(f"layer{level}", layers)
        size = widths[-1] * (STYLE_SIZE // 64) ** 2
        self.fc_mu, self.fc_var = nn.Linear(size, z_dim), nn.Linear(size, z_dim)

    def forward(self, x):
        """Two tensors ``(batch, z_dim)``."""
        size = (STYLE_SIZE, STYLE_SIZE)
        if tuple(x.shape[2:]) != size:
            x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        for level in range(1, 7):
            x = F.leaky_relu(getattr(self, f"layer{level}")(x), 0.2)
        x = x.flatten(1)
        return self.fc_mu(x), self.fc_var(x)


class Network(nn.Module):
    """Generator, discriminator and encoder, with inference and training step.

    Args:
        network: sizes, a :class:`benchmarks.models.Network`.
        trained: whether discriminator, encoder and optimisers are needed.
    """

    def __init__(self, network, trained: bool):
        super().__init__()
        semantics = network.label_channels + 1
        self.label_channels = network.label_channels
        self.G = Generator(
            semantics,
            network.image_size,
            network.ngf,
            network.depth,
            network.z_dim,
            network.hidden,
        )
        if trained:
            self.D = Discriminator(semantics, network.ndf)
            self.E = Encoder(network.ngf, network.z_dim)
            options = {"betas": (0.0, 0.9), "eps": 1e-8}
            both = [*self.G.parameters(), *self.E.parameters()]
            self.generator_optimizer = torch.optim.Adam(both, lr=1e-4, **options)
            self.discriminator_optimizer = torch.optim.Adam(
                self.D.parameters(), lr=4e-4, **options
            )
        self.train(trained)

    def load(self, model) -> None:
        """Takes the generator's weights of a model of ours."""
        values = {
            entry.name: torch.from_numpy(
                np.array(entry.to_official(np.array(entry.variable)))
            )
            for entry in entries(model.generator)
        }
        found = self.G.load_state_dict(values, strict=False)
        missing = [n for n in found.missing_keys if "num_batches_tracked" not in n]
        if missing or found.unexpected_keys:
            raise ValueError(f"{missing} missing, {found.unexpected_keys} unexpected")

    def semantics(self, label, instance):
        """One-hot channels, then the edges of instances."""
        return with_edges(label, instance, self.label_channels)

    @torch.no_grad()
    def synthesize(self, label, instance, z):
        """Images in evaluation mode."""
        return self.G(self.semantics(label, instance), z)

    def _generate(self, image, semantics):
        mu, logvar = self.E(image)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
        return self.G(semantics, z), kl

    def _discriminate(self, fake, real, semantics):
        features, scores = self.D(torch.cat([fake, real]), torch.cat([semantics] * 2))
        halves = [[one.chunk(2) for one in maps] for maps in (features, scores)]
        return [tuple(zip(*pairs, strict=True)) for pairs in halves]

    def training_step(self, image, label, instance):
        """Both updates, without perceptual loss."""
        semantics = self.semantics(label, instance)
        fake, kl = self._generate(image, semantics)
        features, scores = self._discriminate(fake, image, semantics)
        matching = [F.l1_loss(a, b.detach()) for a, b in zip(*features, strict=True)]
        loss = 20 * sum(matching) / len(matching) + 0.05 * kl
        loss = loss - sum(score.mean() for score in scores[0]) / len(scores[0])
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()

        with torch.no_grad():
            fake, _ = self._generate(image, semantics)
        _, (fakes, reals) = self._discriminate(fake.detach(), image, semantics)
        loss = sum(F.relu(1 + score).mean() for score in fakes) / len(fakes)
        loss = loss + sum(F.relu(1 - score).mean() for score in reals) / len(reals)
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        self.discriminator_optimizer.step()
        return loss.item()
