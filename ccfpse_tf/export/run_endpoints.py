"""The functions that a server offers of a run, without an export."""

from pathlib import Path

from ccfpse_tf.export.assembly import assemble
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.opened_run import open_to_draw


def run_endpoints(run_directory: Path) -> Endpoints:
    """Builds the model of a run's newest checkpoint, with layouts of its records.

    Args:
        run_directory: the run. Methods that fill layouts from a memory bank need it
            where the run's config says.

    Raises:
        InputError: not a run, no checkpoint, records or a memory bank that are gone.
    """
    opened = open_to_draw(run_directory)
    trained = opened.trained
    endpoints, _ = assemble(
        trained.model,
        opened.data,
        layouts=opened.layouts(trained.run.config.data.image_size),
        step=trained.step,
    )
    return endpoints
