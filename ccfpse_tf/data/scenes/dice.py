"""Random choices that do not depend on the picture's size."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
Colour = tuple[float, float, float]

_POOL = 1 << 14
_STRIDE = 211


class Dice:
    """A cursor in one pool of uniform numbers.

    Each object of a scene reads from its own place in the pool, so that an object that
    is drawn with less detail in a small picture does not change the objects after it.

    Args:
        pool: uniform numbers in [0, 1).
        start: where this cursor begins.
    """

    def __init__(self, pool: list[float], start: int = 0) -> None:
        self._pool = pool
        self._next = start

    @classmethod
    def seeded(cls, seed: int, index: int) -> "Dice":
        """Dice of scene `index`; only uniform doubles of PCG64 are used.

        Raises:
            ValueError: if seed or index is negative.
        """
        if seed < 0 or index < 0:
            raise ValueError(f"seed and index must be >= 0, got {seed} and {index}")
        bits = np.random.PCG64(np.random.SeedSequence([seed, index]))
        return cls(np.random.Generator(bits).random(_POOL).tolist())

    def fork(self, number: int) -> "Dice":
        """The dice of object `number`."""
        return Dice(self._pool, (number + 1) * _STRIDE)

    def copy(self) -> "Dice":
        """Dice that give the same numbers as these would from here on."""
        return Dice(self._pool, self._next)

    def __call__(self) -> float:
        self._next += 1
        return self._pool[self._next % _POOL]

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self()

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both possible."""
        return low + int(self() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self() < probability

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self() * len(options))]

    def vary(self, colour: Colour, amount: float) -> Colour:
        """The colour, made lighter or darker and slightly tinted."""
        tone = 1 + self.uniform(-amount, amount)
        r, g, b = (c * tone * (1 + self.uniform(-0.3, 0.3) * amount) for c in colour)
        return r, g, b
