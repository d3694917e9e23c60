"""VGG19 with mean pooling, the loss of CRN and SIMS, in PyTorch.

Its weights are random, as the time of a step does not depend on them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

LAYERS = (2, 2, 4, 4, 2)
WIDTHS = (64, 128, 256, 512, 512)
WEIGHTS = (1, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5)
MEAN = (123.68, 116.779, 103.939)


class PerceptualLoss(nn.Module):
    """Distance of images, and of the features of five layers."""

    def __init__(self):
        super().__init__()
        self.parts, inputs, layers = nn.ModuleList(), 3, []
        for block, (count, width) in enumerate(zip(LAYERS, WIDTHS, strict=True)):
            layers += [nn.AvgPool2d(2)] if block else []
            for number in range(count):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
                inputs = width
                if number == 1:  # the second convolution's features are compared
                    self.parts.append(nn.Sequential(*layers))
                    layers = []
        self.requires_grad_(False)

    def _features(self, image):
        mean = torch.tensor(MEAN)[:, None, None]
        maps = [(image + 1) * 127.5 - mean]
        for part in self.parts:
            maps.append(part(maps[-1]))
        return maps

    def forward(self, fake, real):
        """The images are ``(batch, 3, height, width)``, from -1 (black) to 1."""
        with torch.no_grad():
            targets = self._features(real)
        pairs = zip(WEIGHTS, self._features(fake), targets, strict=True)
        return sum(weight * F.l1_loss(a, b) for weight, a, b in pairs)
