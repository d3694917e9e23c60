"""The start of TensorFlow in our commands."""

import os
import subprocess
import sys

import pytest

from ccfpse_tf.runtime.startup import keep_memory

HELD = """
import pathlib
from ccfpse_tf.runtime.startup import import_tensorflow
import_tensorflow()
import tensorflow as tf

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1])

before = resident()
large = tf.fill((2**26,), 1.0)
with_it = resident()
del large
print((resident() - before) / (with_it - before))
"""


def test_what_the_user_chose_stays():
    chosen = {"TF_CPU_ALLOCATOR_USE_BFC": "false", "TF_CPU_BFC_MEM_LIMIT_IN_MB": "7"}
    environment = dict(chosen)
    keep_memory(environment)
    assert environment == chosen


def test_the_pool_may_hold_what_the_machine_has():
    environment = {}
    keep_memory(environment)
    assert environment.pop("TF_CPU_ALLOCATOR_USE_BFC") == "true"
    [limit] = environment.values()
    pages = os.sysconf("SC_PHYS_PAGES")
    assert int(limit) == os.sysconf("SC_PAGE_SIZE") * pages // 2**20


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux")
@pytest.mark.parametrize(("chosen", "kept"), [(None, True), ("false", False)])
def test_freed_memory_is_kept_for_later(chosen, kept, repository):
    """Runs in a process of its own, as TensorFlow reads the variable once."""
    environment = os.environ | {
        "PYTHONPATH": str(repository),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # else there is a pool in any case
    }
    environment.pop("TF_CPU_ALLOCATOR_USE_BFC", None)
    if chosen is not None:
        environment["TF_CPU_ALLOCATOR_USE_BFC"] = chosen
    done = subprocess.run(
        [sys.executable, "-c", HELD], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    share = float(done.stdout)
    assert share > 0.9 if kept else share < 0.5
