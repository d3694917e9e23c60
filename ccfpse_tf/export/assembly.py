"""The functions that a server offers, put together from a model and its data."""

from collections.abc import Sequence

from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.id_table import IdTable
from ccfpse_tf.export.options import PRECISIONS
from ccfpse_tf.export.self_description import describe, encoded_example, to_json
from ccfpse_tf.export.sizes import choose_sizes
from ccfpse_tf.gan.synthesizer import Synthesizer


def assemble(
    model: Synthesizer,
    data: Description,
    *,
    layouts: Sequence[tuple],
    styles: Sequence[dict] = (),
    step: int = 0,
    precision: str = "float32",
    size: str | tuple[int, int] | None = None,
) -> tuple[Endpoints, dict]:
    """Returns a model's endpoints and the description that they give of it.

    Args:
        model: built and trained.
        data: the description of its records.
        layouts: examples ``(label, instance or None)``, ``(height, width)`` each, of
            class indices; the first one is drawn before the model is served.
        styles: from :func:`ccfpse_tf.export.self_description.encoded_style`.
        step: the number of steps that the model was trained for.
        precision: one of :data:`ccfpse_tf.export.options.PRECISIONS`.
        size: ``(height, width)`` of images, ``"any"``, or None for the model's own.

    Raises:
        InputError: a precision or size that this model cannot have.
    """
    if precision not in PRECISIONS:
        raise InputError(
            f"--precision {precision}: choose from {', '.join(PRECISIONS)}"
        )
    sizes = choose_sizes(model.generator, size)
    ids = IdTable(data.label_ids)
    description = describe(
        data,
        ids,
        sizes,
        image_size=model.generator.image_size,
        z_dim=model.z_dim,
        step=step,
        precision=precision,
        examples=[encoded_example(*layout, ids) for layout in layouts],
        styles=styles,
        uses_instances=model.layout_encoding.edges,
    )
    endpoints = Endpoints(model, ids, sizes, precision, to_json(description))
    return endpoints, description
