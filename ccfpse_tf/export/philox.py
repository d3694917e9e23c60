"""TensorFlow's seeded normal numbers without TensorFlow.

The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
1, 2, 3", 2011), whose key and counter TensorFlow draws from the seed by the same
function; pairs of its numbers become normal ones by Box and Muller's transform.
"""

import numpy as np

_MULTIPLIERS = np.uint64([0xD2511F53, 0xCD9E8D57])
_KEY_STEPS = np.uint64([0x9E3779B9, 0xBB67AE85])
_SEED_KEY = np.uint64([0x3EC8F720, 0x02461E29])  # under which TensorFlow mixes seeds
_LOW = np.uint64(0xFFFFFFFF)


def stateless_normal(seed: int, count: int) -> np.ndarray:
    """Returns what ``tf.random.stateless_normal((count,), [seed, 0], alg="philox")``
    does, but for rounding: float32 ``(count,)``.

    Args:
        seed: of 64 bits.
        count: of numbers.
    """
    halves = np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, 0, 0], np.uint64)
    mixed = _philox(halves[None], _SEED_KEY)[0]
    blocks = np.zeros((-(-count // 4), 4), np.uint64)
    blocks[:, 0] = np.arange(len(blocks))
    blocks[:, 2:] = mixed[2:]
    drawn = _philox(blocks, mixed[:2]).reshape(-1, 2)
    # 23 bits become the fraction of a number in [1, 2).
    uniform = (drawn & np.uint64(0x7FFFFF)).astype(np.float32) / np.float32(1 << 23)
    radius = np.sqrt(-2 * np.log(np.maximum(uniform[:, 0], np.float32(1e-7))))
    angle = np.float32(2 * np.pi) * uniform[:, 1]
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], 1).ravel()[:count]


def _philox(counters, key):
    """Ten rounds on rows of four 32-bit numbers, ``(n, 4)`` uint64."""
    for _ in range(10):
        products = counters[:, ::2] * _MULTIPLIERS
        high, low = products >> np.uint64(32), products & _LOW
        mixed = high[:, ::-1] ^ counters[:, 1::2] ^ key
        counters = np.stack([mixed[:, 0], low[:, 1], mixed[:, 1], low[:, 0]], 1)
        key = key + _KEY_STEPS & _LOW
    return counters
