"""TensorFlow Serving's files in the folder of the models: configs, a compose file.

Written from the server's documentation (tensorflow/serving, docs and protos).
"""

from collections.abc import Callable
from pathlib import Path

from ccfpse_tf.export.version_writer import versions
from ccfpse_tf.files.atomic import new_file

MARK = "# Written by `export`, and again by every export while this line is here.\n"
BATCHING = """\
# Off unless the server gets --enable_batching and
# --batching_parameters_file=/models/batching.config. Requests are joined along the
# batch, so one with a wrong label map fails those that it was joined with.
max_batch_size { value: 8 }
batch_timeout_micros { value: 5000 }
num_batch_threads { value: 2 }
max_enqueued_batches { value: 64 }
"""
MONITORING = """\
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""
COMPOSE = """\
# docker compose up; REST on 8501, gRPC on 8500, of this machine only.
services:
  serving:
    image: tensorflow/serving:${TF_SERVING_VERSION:-latest}
    command:
      - --model_config_file=/models/models.config
      - --model_config_file_poll_wait_seconds=60
      - --monitoring_config_file=/models/monitoring.config
      - --rest_api_timeout_in_ms=60000
      - --enable_grpc_healthcheck_service
    ports:
      - "127.0.0.1:8501:8501"
      - "127.0.0.1:8500:8500"
    volumes:
      - .:/models:ro
    restart: unless-stopped
"""


def write_beside(models: Path, say: Callable[[str], None]) -> None:
    """Writes the server's files into the folder of all models.

    Files that lack our first line, written or changed by others, stay as they are.

    Args:
        models: the folder that model folders are in.
        say: called with a note about each file that stays as it is.
    """
    contents = {
        "models.config": models_config(models),
        "batching.config": BATCHING,
        "monitoring.config": MONITORING,
        "docker-compose.yml": COMPOSE,
    }
    for name, content in contents.items():
        path = models / name
        if path.exists() and not path.read_text("utf-8", "replace").startswith(MARK):
            say(f"{path} is not ours: left as it is")
            continue
        with new_file(path) as aside:
            aside.write_text(MARK + content, encoding="utf-8")


def models_config(models: Path) -> str:
    """A ``ModelServerConfig`` in text format of all models in a folder."""
    names = [
        path.name
        for path in sorted(models.iterdir())
        if path.is_dir()
        and any((path / f"{n}" / "saved_model.pb").is_file() for n in versions(path))
    ]
    configs = "".join(
        f'  config {{\n    name: "{name}"\n    base_path: "/models/{name}"\n'
        '    model_platform: "tensorflow"\n  }\n'
        for name in names
    )
    return f"model_config_list {{\n{configs}}}\n"
