"""The settings of the published models, which their files do not tell.

Source: the CC-FPSE paper (Liu et al., NeurIPS 2019) with its official options.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedModel:
    """Depth and length of training of a published model; COCO-Stuff's by default."""

    depth: int = 5
    epochs: int = 100
    decay_epochs: int = 0


PUBLISHED_MODELS = {
    "coco_stuff": PublishedModel(),
    "cityscapes": PublishedModel(depth=6, decay_epochs=100),
    "ade20k": PublishedModel(decay_epochs=100),
}
