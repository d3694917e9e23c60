"""``ccfpse study build``: a page for raters, and a key for the author only.

``DIR/page/`` (``index.html``, ``pictures/``) is what raters get. Neither names nor
order nor file format in there say which method an image is of; ``DIR/key.json`` does.
"""

import dataclasses
from pathlib import Path

import numpy as np

from ccfpse_tf.data.image_files import read_photo, turned_note
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.output_folder import refuse_working_folder
from ccfpse_tf.runtime.templates import render
from ccfpse_tf.study.design import Design, Options, derive, draw, fingerprint
from ccfpse_tf.study.matching import Matched, label_colors, match
from ccfpse_tf.study.sheet import Sheet
from ccfpse_tf.study.trial_pictures import hold_colors

TEMPLATE = Path(__file__).parent / "page" / "study.html"
FORMAT = 1
KEY_KIND = "ccfpse study key"
KEY_NAME = "key.json"
PAGE = "page"
PICTURES = "pictures"


@dataclasses.dataclass(frozen=True)
class Built:
    """The files of a study that was written.

    Args:
        page: the HTML file.
        key: the answer key.
        options: with all numbers resolved.
        pictures: their number.
        size: bytes of page and pictures.
        missing: option -> keys that the other folders have.
    """

    page: Path
    key: Path
    options: Options
    pictures: int
    size: int
    missing: dict[str, tuple[str, ...]]


def build(
    a: str | Path,
    b: str | Path,
    labels: str | Path,
    out: Path,
    options: Options,
    palette: Path | None = None,
) -> Built:
    """Writes a study under a hidden name and renames it to ``out`` at the end.

    Args:
        a: images of one method: an output of ``generate``, a folder of PNG or JPEG, or
            a template with ``{key}``; see `sources.match`.
        b: images of the other.
        labels: label maps, ids or colours, as PNG.
        out: folder to make; a study that is there already is never touched.
        options: numbers, question, seed.
        palette: colours of label ids; default: those that ``generate`` has stored.

    Raises:
        InputError: a folder in the way, names that do not match, sizes that differ.
        DataErrors: every picture that cannot be used.
    """
    _check_out(out)
    matched = match(a, b, labels)
    design = draw(matched, options)
    colors = label_colors(a, b, palette)
    secret = fingerprint(design, colors)
    shown = (*design.pairs, *(check.pair for check in design.checks))
    by_color = hold_colors(pair.label for pair in shown)
    sheet = Sheet(secret, colors, by_color)
    trials = {"pairs": _pairs(design, sheet), "checks": _checks(design, sheet)}
    with new_folder(out) as aside:
        sheet.write(aside / PAGE / PICTURES)
        _write_page(aside / PAGE, secret, design.options, trials)
        places = {"a": str(a), "b": str(b), "labels": str(labels)}
        _write_key(aside / KEY_NAME, secret, design.options, trials, places)
        size = sum(x.stat().st_size for x in (aside / PAGE).rglob("*") if x.is_file())
    return _built(out, design, len(sheet.drawings), size, matched)


def _built(out, design, pictures, size, matched: Matched):
    page, key = out / PAGE / "index.html", out / KEY_NAME
    return Built(page, key, design.options, pictures, size, matched.missing)


def _pairs(design: Design, sheet: Sheet) -> dict[str, dict]:
    found, problems, turned = {}, [], []
    for pair in design.pairs:
        try:
            a, b = read_photo(pair.a), read_photo(pair.b)
            turned += [str(pair.a)] if a.orientation != 1 else []
            turned += [str(pair.b)] if b.orientation != 1 else []
            if np.array_equal(a.pixels, b.pixels):
                problems.append(
                    f"{pair.key}: {pair.a} and {pair.b} are the same image; there is "
                    "nothing to choose, leave it out"
                )
        except InputError as error:
            problems.append(str(error))
        found[derive(sheet.secret, "pair", pair.key)] = {
            "key": pair.key,
            "layout": sheet.layout(pair),
            "a": sheet.image(pair.a, "a", pair.key),
            "b": sheet.image(pair.b, "b", pair.key),
        }
    if problems:
        raise DataErrors(problems, "the pairs")
    if turned:
        print(turned_note(turned))
    return found


def _checks(design: Design, sheet: Sheet) -> dict[str, dict]:
    found = {}
    for number, check in enumerate(design.checks):
        parts = (check.side, check.pair.key, str(number))
        found[derive(sheet.secret, "check", *parts)] = {
            "key": check.pair.key,
            "layout": sheet.layout(check.pair),
            "side": check.side,
            "image": sheet.image(check.image, "check", *parts),
            "spoilt": sheet.spoilt(check.image, "spoilt", *parts),
        }
    return found


def _write_page(folder, secret, options: Options, trials):
    study = {
        "format": FORMAT,
        "study": derive(secret, "study"),
        "question": options.question,
        "perRater": options.per_rater,
        "repeats": options.repeats,
        "minSeconds": options.min_seconds,
        "pairs": [_shown(id_, x, "a", "b") for id_, x in trials["pairs"].items()],
        "checks": [
            _shown(id_, x, "image", "spoilt") for id_, x in trials["checks"].items()
        ],
    }
    for kind in ("pairs", "checks"):
        study[kind].sort(key=lambda trial: trial["id"])
    page = render(TEMPLATE, study=study)
    (folder / "index.html").write_text(page, encoding="utf-8")


def _shown(id_, trial, *names):
    """A trial for the page; sorted names do not show the order of methods."""
    pictures = sorted(f"{PICTURES}/{trial[name]}" for name in names)
    return {"id": id_, "layout": f"{PICTURES}/{trial['layout']}", "images": pictures}


def _write_key(path, secret, options: Options, trials, places):
    study = derive(secret, "study")
    content = {"kind": KEY_KIND, "format": FORMAT, "study": study, **places}
    write_json(path, content | {"options": dataclasses.asdict(options)} | trials)


def _check_out(out):
    refuse_working_folder(out)
    if out.is_dir() and any(out.iterdir()):
        raise InputError(
            f"--out {out} holds files; name a new folder: results of a study can only "
            "be scored with the key that was made with it"
        )
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")
