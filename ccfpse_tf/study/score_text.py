"""The text and JSON that ``ccfpse study`` prints."""

import dataclasses
import json

from ccfpse_tf.runtime.text_table import text_table
from ccfpse_tf.study.score import GroupScore, RaterScore, Score
from ccfpse_tf.study.study_builder import Built

HEADINGS = (
    "RATER",
    "ANSWERS",
    "PREFERS A",
    "LEFT",
    "CONSISTENT",
    "CHECKS",
    "MEDIAN S",
    "COUNTED",
)
_SHOWN_KEYS = 10


def built_text(built: Built) -> str:
    """Returns the facts of a new study and the next steps as text."""
    options = built.options
    folder = built.page.parent
    lines = [
        f"{built.page}",
        f"  {options.pairs} pairs; a rater answers {options.per_rater} of them, "
        f"{options.repeats} twice, and {options.checks} attention checks",
        f"  {built.pictures} pictures, {built.size / 1e6:.1f} MB in all",
        f"{built.key}",
        "  tells which method made each image: keep it secret",
    ]
    for option, keys in built.missing.items():
        names = ", ".join(keys[:_SHOWN_KEYS])
        names += ", ..." if len(keys) > _SHOWN_KEYS else ""
        lines.append(f"{option} lacks {len(keys)} that another has: {names}")
    lines += [
        f"Give raters the folder {folder}, collect their files in a folder, then:",
        f"  ccfpse study score FOLDER --key {built.key}",
    ]
    return "\n".join(lines)


def score_text(score: Score) -> str:
    """Returns the outcome as text, the main result first."""
    lines = [f"A: {score.a}", f"B: {score.b}", f"asked: {score.question}", ""]
    left_out = score.everyone.raters - score.attentive.raters
    rule = f"{score.pass_share:.0%} of their attention checks or more"
    lines += [f"raters who passed {rule} ({score.attentive.raters}):"]
    lines += _summary_lines(score.attentive)
    if left_out:
        lines += ["", f"all raters, with the {left_out} who did not:"]
        lines += _summary_lines(score.everyone)
    lines += ["", text_table(HEADINGS, map(_cells, score.raters))]
    lines += [f"note: {note}" for note in score.notes]
    return "\n".join(lines)


def score_json(score: Score) -> str:
    """Returns the outcome as JSON, for scripts: the fields of `Score`."""
    return json.dumps(dataclasses.asdict(score), indent=1)


def _summary_lines(summary: GroupScore):
    times, total = summary.prefers_a
    if not total:
        return ["  no answers"]
    lines = [
        f"  A preferred   {summary.share:.1%} ({times} of {total} answers)",
        f"  95 % interval {_interval(summary.wilson)} if answers are independent",
    ]
    if summary.clustered:
        lines.append(f"                {_interval(summary.clustered)} over raters")
    lines.append(f"  even chance   p = {summary.p_value:.3g} (binomial, two-sided)")
    if summary.agreement is None:
        return [*lines, "  agreement     no pair was answered by two raters"]
    alpha = "undefined" if summary.alpha is None else f"{summary.alpha:.3f}"
    lines.append(
        f"  agreement     {summary.agreement:.1%} on {summary.shared_pairs} pairs that "
        f"several answered, Krippendorff's alpha {alpha}"
    )
    return lines


def _interval(bounds):
    return f"{bounds[0]:.1%} to {bounds[1]:.1%}"


def _cells(row: RaterScore):
    seconds = "-" if row.median_seconds is None else f"{row.median_seconds:.1f}"
    return (
        row.rater,
        f"{row.answers[0]}/{row.answers[1]}",
        _share(row.prefers_a),
        _share(row.chose_left),
        f"{row.consistent[0]}/{row.consistent[1]}",
        f"{row.passed[0]}/{row.passed[1]}",
        seconds,
        "yes" if row.attentive else "no",
    )


def _share(part):
    return f"{part[0] / part[1]:.0%}" if part[1] else "-"
