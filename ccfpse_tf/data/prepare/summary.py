"""What the check of a split found, and how its label files are to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ccfpse_tf.data.prepare.label_reading import (
    BITS,
    COLORS,
    GREY,
    MASK,
    TABLE,
    WHITE,
    Label,
    LabelFacts,
    grey_facts,
    label_facts,
)
from ccfpse_tf.data.prepare.label_table import LabelTable


@dataclass(frozen=True)
class ExampleFacts:
    """Facts of one example. `counts`: value (or packed colour) -> pixels.

    `greys` takes the place of `counts` where a grey label file may be read by number
    (False) or by colour (True); `form` and `label` are that of the label file, and its
    name; `repeats` is that of `LabelFacts`.
    """

    problems: tuple[str, ...]
    size: tuple[int, int] | None = None
    counts: Mapping[int, int] = field(default_factory=dict)
    colored: bool = False
    repeats: Mapping[int, int] = field(default_factory=dict)
    greys: Mapping[bool, LabelFacts] = field(default_factory=dict)
    form: str | None = None
    label: str = ""
    turned: str | None = None
    """The photo, if its EXIF orientation is not 1."""


def label_example(label: Label, path: str, table: LabelTable | None) -> ExampleFacts:
    """Returns the facts of an example whose label file was read, and of that alone."""
    facts, form = label_facts(label.values, table), label.form
    if not facts.colored and 255 in facts.counts and facts.counts.keys() <= {0, 255}:
        form = form or MASK
    if table is None or not table.colors:
        form = None if form == BITS and 1 not in facts.counts else form
    if table is not None and table.colors and not facts.colored:
        greys = {False: facts, True: grey_facts(label, table, path)}
        return ExampleFacts((), greys=greys, form=form, label=path)
    return ExampleFacts(
        tuple(f"{path}: {text}" for text in facts.problems),
        counts=facts.counts,
        colored=facts.colored,
        repeats=facts.repeats,
        form=form,
        label=path,
    )


@dataclass
class SplitSummary:
    """All examples of a split together. Sizes are (height, width)."""

    images: int = 0
    smallest: tuple[int, int] = (0, 0)
    problems: list[str] = field(default_factory=list)
    pixels: dict[tuple[bool, int], int] = field(default_factory=dict)
    """(as colour, value) -> pixels."""
    occurrences: dict[tuple[bool, int], int] = field(default_factory=dict)
    """(as colour, value) -> images that hold it."""
    repeats: dict[int, int] = field(default_factory=dict)
    """Class index -> how often an image was counted for one more of its values."""
    forms: dict[str, str] = field(default_factory=dict)
    """Form of label files -> the first file of that form."""
    greys: dict[bool, SplitSummary] = field(default_factory=dict)
    """Grey label files, by number and by colour, until the reading is decided."""
    by_color: bool | None = None
    """The reading that was decided."""
    turned: list[str] = field(default_factory=list)
    """Photos whose EXIF orientation is not 1."""

    def add(self, facts: ExampleFacts) -> None:
        """Counts one example."""
        self.images += 1
        self.problems += facts.problems
        self.turned += [facts.turned] if facts.turned else []
        if facts.size:
            known = self.smallest if self.smallest != (0, 0) else facts.size
            self.smallest = tuple(map(min, known, facts.size))
        if facts.form:
            self.forms.setdefault(facts.form, facts.label)
        if not facts.colored and 255 in facts.counts:
            self.forms.setdefault(WHITE, facts.label)
        self._count(facts)
        for by_color, label in facts.greys.items():
            summary = self.greys.setdefault(by_color, SplitSummary())
            summary.problems += [f"{facts.label}: {text}" for text in label.problems]
            summary._count(label)

    def _count(self, facts: ExampleFacts | LabelFacts) -> None:
        counts = {(facts.colored, value): n for value, n in facts.counts.items()}
        _add_up(self.pixels, counts)
        _add_up(self.occurrences, dict.fromkeys(counts, 1))
        _add_up(self.repeats, facts.repeats)

    def decide(self, by_color: bool) -> None:
        """Takes grey label files in one of the two readings."""
        self.by_color = by_color
        if by_color in self.greys:
            greys = self.greys[by_color]
            self.problems += greys.problems
            _add_up(self.pixels, greys.pixels)
            _add_up(self.occurrences, greys.occurrences)
            _add_up(self.repeats, greys.repeats)
        self.greys = {}

    def to_json(self) -> dict:
        """Returns the facts that a later run needs to skip the checks."""
        counts = [
            [colored, value, pixels, self.occurrences[colored, value]]
            for (colored, value), pixels in sorted(self.pixels.items())
        ]
        return {
            "images": self.images,
            "smallest": self.smallest,
            "counts": counts,
            "repeats": sorted(self.repeats.items()),
            "by_color": self.by_color,
        }

    @classmethod
    def from_json(cls, content: Mapping) -> SplitSummary:
        """The inverse of `to_json`, also of earlier versions."""
        summary = cls(content["images"], tuple(content["smallest"]))
        for colored, value, pixels, images in content["counts"]:
            summary.pixels[colored, value] = pixels
            summary.occurrences[colored, value] = images
        summary.repeats = dict(content.get("repeats", ()))
        # Earlier versions read each file by its own kind, mostly the same for all.
        kinds = {colored for colored, _ in summary.pixels}
        guess = kinds.pop() if len(kinds) == 1 else None
        summary.by_color = content.get("by_color", guess)
        return summary


def _add_up(totals: dict, more: Mapping) -> None:
    for key, number in more.items():
        totals[key] = totals.get(key, 0) + number


@dataclass(frozen=True)
class Decision:
    """How all label files are read.

    Attributes:
        by_color: by their colours, else by number.
        note: for the user, if that is not plain.
        problem: files that cannot be read in the same way.
        by_number: whether they could all be read by number, if the user says so.
    """

    by_color: bool
    note: str | None = None
    problem: str | None = None
    by_number: bool = False


def decide_reading(summaries: Iterable[SplitSummary]) -> Decision:
    """Decides how label files are read where a palette has colours.

    Files of colours settle it. Greys alone are ids, unless only the palette's colours
    explain them. The summaries then count in that reading.
    """
    summaries = list(summaries)
    forms = first_forms(summaries)
    grey = forms.get(BITS) or forms.get(GREY)
    colored = forms.get(COLORS) or forms.get(TABLE)
    problems = {
        by_color: [
            text for s in summaries if s.greys for text in s.greys[by_color].problems
        ]
        for by_color in (False, True)
    }
    by_color = (
        colored is not None
        or not problems[True]
        and (BITS in forms or bool(problems[False]))
    )
    decision = Decision(by_color)
    if grey and colored and problems[True] and not problems[False]:
        file, _, reason = problems[True][0].partition(": ")
        text = (
            f"{file}: holds ids, but {colored} holds colours, and all label files are "
            f"read in one way (by colour it has {reason.partition(';')[0]}); save all "
            "in one form"
        )
        decision = Decision(True, problem=text, by_number=COLORS not in forms)
    elif grey and by_color and not problems[True]:
        others = f", as {colored} is" if colored else ""
        note = f"{grey} is grey, and like all label files read by its colours{others}"
        decision = Decision(True, note)
    for summary in summaries:
        if decision.problem:
            summary.greys = {}
        summary.decide(by_color)
    return decision


def first_forms(summaries: Iterable[SplitSummary]) -> dict[str, str]:
    """Returns form -> first label file of that form, of all splits."""
    forms: dict[str, str] = {}
    for summary in summaries:
        forms = summary.forms | forms
    return forms
