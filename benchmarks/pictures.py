"""Grouped bars and curves that several benchmarks draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def grouped_bars(
    axes,
    groups: Sequence[str],
    bars: Mapping[str, Sequence[float | None]],
    form: str = "{:.3g}",
) -> None:
    """Bars side by side within each group, every one with its value on top.

    Args:
        axes: matplotlib's.
        groups: names along the horizontal axis.
        bars: by legend entry, one height per group; None leaves a gap.
        form: how a value is written.
    """
    width = 0.85 / len(bars)
    for index, (name, heights) in enumerate(bars.items()):
        offset = (index - (len(bars) - 1) / 2) * width
        shown = [(place, y) for place, y in enumerate(heights) if y is not None]
        drawn = axes.bar(
            [place + offset for place, _ in shown],
            [y for _, y in shown],
            width * 0.92,
            label=name,
        )
        axes.bar_label(drawn, [form.format(y) for _, y in shown], fontsize=8, padding=1)
    axes.set_xticks(range(len(groups)), groups)
    axes.margins(y=0.15)
    if len(bars) > 1:
        legend_below(axes)


def legend_below(axes) -> None:
    """Adds a legend that does not hide a bar."""
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.13)}
    axes.legend(fontsize=8, ncols=2, frameon=False, **place)


def curve_against_ideal(axes, x: Sequence[float], y: Sequence[float], ideal) -> None:
    """A measured curve with marked points, and a dashed band of 10 % around `ideal`.

    Args:
        ideal: the expected `y` at every `x`.
    """
    axes.plot(x, y, "o-", label="measured")
    axes.plot(x, ideal, "k--", linewidth=1, label="ideal")
    low, high = [0.9 * v for v in ideal], [1.1 * v for v in ideal]
    axes.fill_between(x, low, high, color="k", alpha=0.1, label="within 10 %")
    axes.set_xscale("log")
    axes.set_xticks(x, [str(value) for value in x])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def seconds_and_memory(figure, numbers: Mapping[str, dict], sides: Sequence[str]):
    """Bars of several sides, for every task one column.

    Args:
        figure: matplotlib's.
        numbers: by task "seconds" and, where all have it, "memory" in bytes, which hold
            numbers by side.
        sides: that are shown.
    """
    quantities = {
        "seconds": (1, "seconds", "time"),
        "memory": (1e-9, "GB", "memory beyond what both hold"),
    }
    shown = [q for q in quantities if all(q in found for found in numbers.values())]
    figure.set_size_inches(max(10, 3.2 * len(numbers)), 3 * len(shown))
    rows = figure.subplots(len(shown), len(numbers), squeeze=False)
    for row, quantity in zip(rows, shown, strict=True):
        factor, unit, title = quantities[quantity]
        for axes, (label, found) in zip(row, numbers.items(), strict=True):
            values = {k: v for k, v in found[quantity].items() if k in sides}
            bars = axes.bar(list(values), [factor * v for v in values.values()])
            axes.bar_label(bars, fmt="%.2g")
            axes.tick_params(axis="x", labelsize=7)
            axes.margins(y=0.15)
            axes.set_title(f"{label}:\n{title}", fontsize=10)
            axes.set_ylabel(unit)
