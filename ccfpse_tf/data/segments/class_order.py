"""Which classes lie in front of which, from layouts alone."""

from __future__ import annotations

import numpy as np

from ccfpse_tf.data.segments.extraction import Segment, box_of


class Enclosure:
    """Counts how much of each class lies within the boxes of segments of others.

    A person on a street lies within the street's box, and not the street within the
    person's. Without depth that is what layouts tell about front and back.

    Args:
        channels: number of label indices.

    Attributes:
        enclosed: ``(channels, channels)``, pixels of the second class within boxes
            around segments of the first.
        pixels: ``(channels,)``, of each class.
    """

    def __init__(self, channels: int):
        self.enclosed = np.zeros((channels, channels))
        self.pixels = np.zeros(channels)

    def add(self, label: np.ndarray, segments: list[Segment]) -> None:
        """Counts one layout.

        Args:
            label: class indices ``(height, width)``.
            segments: of that layout.
        """
        channels = len(self.pixels)
        self.pixels += np.bincount(label.ravel(), minlength=channels)
        for segment in segments:
            inside = label[box_of(segment.mask)].ravel()
            counts = np.bincount(inside, minlength=channels)
            self.enclosed[segment.label] += counts

    def order(self, classes: list[int]) -> list[int]:
        """Returns the classes from back to front.

        Two classes are compared by the shares of their pixels that lie within each
        other's boxes; a class comes the later the more its own share is the larger, on
        average over the classes that it meets.
        """
        shares = self.enclosed / np.maximum(self.pixels, 1)
        shares = np.minimum(shares[np.ix_(classes, classes)], 1)
        lead = shares - shares.T  # of the second in front of the first
        meetings = (shares + shares.T > 0).sum(0) - (np.diag(shares) > 0)
        scores = lead.sum(0) / np.maximum(meetings, 1)
        return [classes[i] for i in np.argsort(scores, kind="stable")]
