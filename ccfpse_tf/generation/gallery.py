"""The gallery: one self-contained HTML page, label beside generated beside real."""

import base64
import dataclasses
import html
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

ASSETS = Path(__file__).parent / "page"
SMALL = 128  # pictures lower than this are enlarged without smoothing
QUALITY = 92


@dataclasses.dataclass(frozen=True)
class Page:
    """Heading, facts and classes of the page.

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
class Row:
    """One layout. Pictures are uint8 ``(height, width, 3)``.

    Args:
        key: its name.
        label: the colour-coded label map.
        fakes: generated images, one per style.
        captions: one per generated image.
        real: the photograph, None where there is none.
        present: label indices that occur.
    """

    key: str
    label: np.ndarray
    fakes: Sequence[np.ndarray]
    captions: Sequence[str]
    real: np.ndarray | None
    present: Sequence[int]


def write_page(path: Path, page: Page, rows: Sequence[Row], total: int) -> None:
    """Writes the page with all pictures, style and script inside.

    Args:
        path: the HTML file.
        page: heading, facts and classes.
        rows: the layouts to show.
        total: how many there are; a note says so where it is more than shown.
    """
    template = (ASSETS / "gallery.html").read_text(encoding="utf-8")
    parts = {
        "title": html.escape(page.title),
        "style": (ASSETS / "gallery.css").read_text(encoding="utf-8"),
        "script": (ASSETS / "gallery.js").read_text(encoding="utf-8"),
        "facts": "\n".join(_fact(name, value) for name, value in page.facts),
        "legend": _legend(page, rows),
        "count": _count(len(rows), total),
        "rows": "\n".join(_row(row) for row in rows),
    }
    for name, text in parts.items():
        template = template.replace("{{" + name + "}}", text)
    path.write_text(template, encoding="utf-8")


def _fact(name, value):
    value = html.escape(str(value))
    return f"<div><dt>{html.escape(name)}</dt><dd>{value}</dd></div>"


def _count(shown, total):
    layouts = f"{total} layout{'s' * (total != 1)}"
    if shown == total:
        return layouts
    return f"the first {shown} of {layouts}; all images are in the folder images"


def _legend(page, rows):
    present = sorted({index for row in rows for index in row.present})
    return "\n".join(
        f'<button type="button" data-class="{index}" aria-pressed="false">'
        f'<i style="background:rgb{tuple(page.palette[index])}"></i>'
        f"{html.escape(page.names[index])}</button>"
        for index in present
    )


def _row(row):
    cells = [_figure(row.label, "label map", row.key, "label", lossless=True)]
    for fake, caption in zip(row.fakes, row.captions, strict=True):
        cells.append(_figure(fake, caption, row.key, "generated"))
    if row.real is not None:
        cells.append(_figure(row.real, "real", row.key, "real"))
    present = " ".join(map(str, row.present))
    return (
        f'<section data-classes="{present}"><h2>{html.escape(row.key)}</h2>\n'
        f'<div class="strip">\n' + "\n".join(cells) + "\n</div></section>"
    )


def _figure(picture, caption, key, kind, lossless=False):
    height, width = picture.shape[:2]
    caption = html.escape(caption)
    name = f"{caption}, {html.escape(key)}"
    crisp = " crisp" if height < SMALL else ""
    return (
        f'<figure class="{kind}"><button type="button" title="enlarge">'
        f'<img class="picture{crisp}" width="{width}" height="{height}" '
        f'loading="lazy" alt="{name}" src="{_data_uri(picture, lossless)}"></button>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


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
