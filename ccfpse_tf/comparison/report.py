"""The report of a comparison: Markdown, CSV, and a page with pictures side by side."""

import csv
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.comparison.columns import COLUMNS
from ccfpse_tf.comparison.plan import Plan
from ccfpse_tf.data.records import read_description
from ccfpse_tf.data.transforms import photograph_to_uint8
from ccfpse_tf.evaluation.image_folder import stem, write_image
from ccfpse_tf.evaluation.image_source import ImageSource
from ccfpse_tf.evaluation.report import COLUMNS as METRICS
from ccfpse_tf.evaluation.report import PUBLISHED, published, shown
from ccfpse_tf.files.atomic import new_file
from ccfpse_tf.generation.gallery import GalleryRow, Page, write_page
from ccfpse_tf.generation.pictures import colorize, grid
from ccfpse_tf.runs.status import read_status

PICTURES = 8  # layouts on the page
COSTS = (
    ("generator_parameters", "parameters that draw", 1e6, "M"),
    ("trained_parameters", "parameters trained", 1e6, "M"),
    ("multiply_adds", "multiply-adds of an image", 1e9, "G"),
    ("image_seconds", "an image", 1e-3, "ms"),
    ("image_bytes", "memory of an image", 2**20, "MiB"),
    ("step_seconds", "training, per image", 1e-3, "ms"),
    ("step_bytes", "memory of training, per image", 2**20, "MiB"),
)


def write_report(out: Path, plan: Plan) -> str:
    """Writes ``report.md``, ``.csv``, ``.html`` and ``.png`` of what is measured.

    Args:
        out: the comparison's folder.
        plan: what is compared there.

    Returns:
        The Markdown.
    """
    rows = list(_rows(out, plan))
    text = _markdown(rows, plan)
    with new_file(out / "report.md") as path:
        path.write_text(text, encoding="utf-8")
    with new_file(out / "report.csv") as path:
        _write_csv(path, rows)
    done = [row for row in rows if "images" in row]
    if done:
        _write_pictures(out, done, plan)
    return text


def _rows(out, plan) -> Iterator[dict]:
    """One dictionary per training: column, seed, metrics, costs, folder of images."""
    for column, seed in plan.cells():
        folder = out / "cells" / f"{column}-{seed}"
        row = {"column": column, "title": COLUMNS[column].title, "seed": seed}
        costs = out / "costs" / f"{column}.json"
        if costs.exists():
            row["costs"] = json.loads(costs.read_text(encoding="utf-8"))
        metrics = folder / "evaluation" / "metrics.json"
        if metrics.exists():
            found = json.loads(metrics.read_text(encoding="utf-8"))
            row |= {
                "metrics": found["metrics"]["generated"],
                "real": found["metrics"].get("real", {}),
                "images": folder / "evaluation" / "images",
                "line": found["paper_line"],
                "steps": read_status(folder / "run")["step"],
            }
        yield row


def _markdown(rows, plan) -> str:
    by_column = {
        name: [row for row in rows if row["column"] == name and "metrics" in row]
        for name in plan.columns
    }
    data = plan.config(plan.columns[0]).data
    dataset = read_description(Path(data.records)).name
    paper = published(dataset)
    names = _metric_names(rows)
    titles = dict(METRICS)
    heads = ["", "seeds", *(titles.get(name, name) for name in names)]
    heads += [f"{titles[name]}, published" for name in PUBLISHED if paper]
    lines = [_line(heads), "|" + "---|" * len(heads)]
    for name, found in by_column.items():
        title = COLUMNS[name].title
        cells = [
            _spread(key, [row["metrics"].get(key) for row in found]) for key in names
        ]
        if paper:
            cells += [shown(key, paper.get(title, {}).get(key)) for key in PUBLISHED]
        lines.append(_line([title, len(found), *cells]))
    real = next((row["real"] for row in rows if row.get("real")), {})
    if real:
        cells = [shown(key, real.get(key)) for key in names]
        lines.append(_line(["photographs", "", *cells, *[""] * (3 if paper else 0)]))
    text = [f"# Comparison on {dataset}", "", *lines, "", *_cost_lines(rows, plan), ""]
    text += [
        f"- {row['column']}-{row['seed']}: {row['line']}"
        for row in rows
        if "line" in row
    ]
    return "\n".join([*text, ""])


def _cost_lines(rows, plan):
    costs = {row["column"]: row["costs"] for row in rows if "costs" in row}
    if not costs:
        return []
    devices = sorted({one["device"] for one in costs.values()})
    heads = ["", *(f"{title}, {unit}" for _, title, _, unit in COSTS)]
    lines = [f"Costs, measured on: {', '.join(devices)}.", "", _line(heads)]
    lines.append("|" + "---|" * len(heads))
    for name in plan.columns:
        if name in costs:
            values = [
                "-" if costs[name][key] is None else f"{costs[name][key] / unit:.3g}"
                for key, _, unit, _ in COSTS
            ]
            lines.append(_line([COLUMNS[name].title, *values]))
    return lines


def _metric_names(rows: Sequence[Mapping]) -> list[str]:
    there = {name for row in rows for name in row.get("metrics", {})}
    known = [name for name, _ in METRICS if name in there]
    return known + sorted(there - set(known))


def _spread(name, values) -> str:
    """The mean, and with several seeds their standard deviation."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    mean = shown(name, statistics.fmean(values))
    if len(values) == 1:
        return mean
    return f"{mean} ± {shown(name, statistics.stdev(values))}"


def _line(cells) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _write_csv(path, rows):
    names = _metric_names(rows)
    costs = [name for name, *_ in COSTS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["column", "title", "seed", "steps", *names, *costs])
        for row in rows:
            metrics, cost = row.get("metrics", {}), row.get("costs", {})
            writer.writerow(
                [row["column"], row["title"], row["seed"], row.get("steps")]
                + [metrics.get(name) for name in names]
                + [cost.get(name) for name in costs]
            )


def _write_pictures(out, rows, plan):
    """Layouts in a page, and as one picture: label map, every column, photograph."""
    first = [row for row in rows if row["seed"] == rows[0]["seed"]]
    data = plan.config(plan.columns[0]).data
    description = read_description(Path(data.records))
    source = ImageSource.of_records(Path(data.records), "val", data.image_size, None)
    # Spaced evenly, as neighbours may be frames of one film.
    apart = max(1, source.count // PICTURES)
    found = []
    for example in source.layouts().shard(apart, 0).take(PICTURES):
        key = example["key"][0].numpy().decode()
        label = example["label"][0].numpy()
        found.append(
            GalleryRow(
                key,
                colorize(label, description.index_palette),
                [_generated(row["images"], key) for row in first],
                [row["title"] for row in first],
                photograph_to_uint8(example["image"][0].numpy()),
                sorted(map(int, np.unique(label))),
            )
        )
    page = Page(
        f"Comparison on {description.name}",
        [(row["title"], _scores(row["metrics"])) for row in first],
        description.index_names,
        description.index_palette,
    )
    which = "{shown} of {layouts}; all images are in the folder cells"
    with new_file(out / "report.html") as path:
        write_page(path, page, found, source.count, which)
    write_image(
        out / "report.png", grid([[row.label, *row.fakes, row.real] for row in found])
    )


def _scores(metrics) -> str:
    names = _metric_names([{"metrics": metrics}])
    titles = dict(METRICS)
    return ", ".join(f"{titles.get(x, x)} {shown(x, metrics[x])}" for x in names)


def _generated(folder: Path, key: str) -> np.ndarray:
    [path] = [*folder.glob(f"{stem(key)}.png"), *folder.glob(f"{stem(key)}_style1.png")]
    return np.asarray(Image.open(path).convert("RGB"))
