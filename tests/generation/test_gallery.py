"""The gallery page: self-contained, escaped, complete."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.generation.gallery import GalleryRow, Page, write_page

PAGE = Page(
    title="a <b> & c",
    facts=(("run", "x<y"),),
    names=("sky", "road & kerb", "never"),
    palette=((1, 2, 3), (4, 5, 6), (7, 8, 9)),
)


def _row(size, key="k<1>", real=True):
    rng = np.random.default_rng(0)
    label = np.full((*size, 3), 9, np.uint8)
    fakes = [rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(2)]
    return GalleryRow(
        key, label, fakes, ["one", "two"], fakes[0] if real else None, (0, 1)
    )


@pytest.fixture
def page(tmp_path):
    def write(rows, total=None):
        path = tmp_path / "index.html"
        write_page(path, PAGE, rows, total or len(rows))
        return path.read_text()

    return write


def test_pictures_are_embedded_in_order(page):
    row = _row((4, 6))
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', page([row]))
    pictures = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(code)))) for code in sources
    ]
    for found, wanted in zip(pictures, [row.label, *row.fakes, row.real], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_large_photographs_are_jpeg_and_label_maps_stay_exact(page):
    text = page([_row((128, 128))])
    assert text.count("data:image/jpeg") == 3
    assert text.count("data:image/png") == 1


def test_nothing_is_loaded_from_elsewhere(page):
    text = page([_row((4, 4))])
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "{{" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_names_are_escaped_and_only_present_classes_listed(page):
    text = page([_row((4, 4))])
    assert "a &lt;b&gt; &amp; c" in text and "x&lt;y" in text and "k&lt;1&gt;" in text
    assert "road &amp; kerb" in text
    assert "never" not in text
    assert "rgb(4, 5, 6)" in text


def test_layouts_without_photograph_and_a_cut_list(page):
    text = page([_row((4, 4), real=False)], total=50)
    assert '<figure class="real">' not in text
    assert "the first 1 of 50 layouts" in text
