"""The normalisation of input images that the evaluation networks expect."""

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class InputRule:
    """The normalisation of 8-bit RGB images: ``(x * scale - mean) / std``.

    Args:
        channels: ``"RGB"`` or ``"BGR"``: the order in which the network reads them.
        scale: 1 for values of 0..255, 1/255 for values of 0..1.
        mean: per channel, in the network's order.
        std: per channel, likewise.
    """

    channels: str
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Normalises ``(..., 3)`` RGB images of 0..255; returns float32."""
        x = np.asarray(image, np.float64)
        if self.channels == "BGR":
            x = x[..., ::-1]
        return ((x * self.scale - self.mean) / self.std).astype(np.float32)

    def describe(self) -> dict:
        """The rule as JSON knows it."""
        return {
            k: list(v) if k in ("mean", "std") else v for k, v in asdict(self).items()
        }
