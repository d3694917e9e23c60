"""The gallery: one self-contained HTML page of label maps, images and photographs."""

import base64
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.runtime.templates import render

TEMPLATE = Path(__file__).parent / "page" / "gallery.html"
FIRST = "the first {shown} of {layouts}; all images are in the folder images"
SMALL = 128  # pictures lower than this are enlarged without smoothing
QUALITY = 92


@dataclasses.dataclass(frozen=True)
class Page:
    """The heading, facts and classes of a page.

    Args:
        title: heading.
        facts: ``(name, value)`` pairs shown below it.
        names: of every label index.
        palette: RGB of every label index.
    """

    title: str
    facts: Sequence[tuple[str, object]]
    names: Sequence[str]
    palette: Sequence[tuple[int, int, int]]


@dataclasses.dataclass(frozen=True)
class GalleryRow:
    """One layout. Pictures are uint8 ``(height, width, 3)``.

    Args:
        key: its name.
        label: the colour-coded label map.
        fakes: generated images, one per style.
        captions: one per generated image.
        real: the photograph; None for a layout without one.
        present: label indices that occur.
    """

    key: str
    label: np.ndarray
    fakes: Sequence[np.ndarray]
    captions: Sequence[str]
    real: np.ndarray | None
    present: Sequence[int]


def write_page(
    path: Path, page: Page, rows: Sequence[GalleryRow], total: int, which: str = FIRST
) -> None:
    """Writes the page with all pictures, style and script inside.

    Args:
        path: the HTML file.
        page: heading, facts and classes.
        rows: the layouts to show.
        total: the number of all layouts.
        which: what the page says if it does not show all.
    """
    present = sorted({index for row in rows for index in row.present})
    text = render(
        TEMPLATE,
        title=page.title,
        facts=page.facts,
        classes=[
            {"index": i, "name": page.names[i], "color": page.palette[i]}
            for i in present
        ],
        count=_count(len(rows), total, which),
        rows=[
            {"key": row.key, "present": row.present, "figures": _figures(row)}
            for row in rows
        ],
    )
    path.write_text(text, encoding="utf-8")


def _count(shown, total, which):
    layouts = f"{total} layout{'s' * (total != 1)}"
    if shown == total:
        return layouts
    return which.format(shown=shown, layouts=layouts)


def _figures(row):
    yield _figure(row.label, "label map", "label", lossless=True)
    for fake, caption in zip(row.fakes, row.captions, strict=True):
        yield _figure(fake, caption, "generated")
    if row.real is not None:
        yield _figure(row.real, "real", "real")


def _figure(picture, caption, kind, lossless=False):
    height, width = picture.shape[:2]
    return {
        "kind": kind,
        "caption": caption,
        "height": height,
        "width": width,
        "crisp": height < SMALL,
        "source": _data_uri(picture, lossless),
    }


def _data_uri(picture, lossless):
    buffer = io.BytesIO()
    # Small pictures cost little either way, and JPEG blocks would show when enlarged.
    if lossless or picture.shape[0] < SMALL:
        kind = "png"
        Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    else:
        kind = "jpeg"
        Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind};base64,{code}"
