"""A run of ONNX Runtime's that nobody waits for ends early."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ccfpse_tf.export.onnx_session import open_graph
from ccfpse_tf.presets.preset_files import GRAPH
from ccfpse_tf.presets.shipped import find_preset

pytest.importorskip("onnxruntime", reason="needs pip install '.[onnx]'")


def test_a_run_is_stopped_and_the_next_one_is_not():
    preset = find_preset("aerial_256")
    graph = open_graph(preset, GRAPH, "generator")
    height, width = preset.config.data.image_size
    inputs = {
        "label": np.zeros((1, height, width), np.int32),
        "z": np.zeros((1, preset.config.generator.z_dim), np.float32),
    }
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(graph.run, "image", inputs)
        while not running.done():
            graph.stop()
    with pytest.raises(Exception, match="terminate"):
        running.result()
    graph.stop()  # nothing runs
    assert graph.run("image", inputs).shape == (1, height, width, 3)
