"""The metadata block of a model card, which hubs read: YAML before the Markdown.

Only what is known stands in it: keys without a value are left out.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath, PureWindowsPath

TASK = "image-to-image"  # the hubs' name of what is nearest
_INDENT = "  "
# Of an evaluation's protocol: places on the machine that measured, or said elsewhere.
_LEFT_OUT = {"run", "folder", "data", "split"}


def front_matter(values: Mapping[str, object]) -> str:
    """Returns a block of YAML between lines of dashes.

    Args:
        values: texts, numbers, None, lists and mappings; all keys are texts.
    """
    return "\n".join(["---", *_block(values, ""), "---", ""])


def scores_index(
    name: str, dataset: str | None, scores: Mapping[str, object]
) -> list[dict]:
    """Returns the value of ``model-index``: every metric with its protocol.

    Args:
        name: of the model.
        dataset: where the data are found on a hub, if anybody said so.
        scores: ``numbers`` by metric, and the ``protocol`` of the evaluation.
    """
    protocol = scores["protocol"]
    data = str(protocol["data"])
    facts = {
        key: without_folders(value)
        for key, value in protocol.items()
        if key not in _LEFT_OUT
    }
    measured = [
        {"type": metric, "value": value, "args": facts}
        for metric, value in scores["numbers"].items()
        if value is not None
    ]
    result = {
        "task": {"type": TASK, "name": "Semantic image synthesis"},
        "dataset": {
            "type": dataset or data,
            "name": data,
            "split": str(protocol["split"]),
        },
        "metrics": measured,
    }
    return [{"name": name, "results": [result]}]


def without_folders(value):
    """Returns a value of JSON in which absolute paths are the names of their files."""
    if isinstance(value, Mapping):
        return {key: without_folders(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_folders(one) for one in value]
    if isinstance(value, str):
        for kind in (PurePath, PureWindowsPath):
            if kind(value).is_absolute():
                return kind(value).name
    return value


def _block(values: Mapping, indent: str) -> Iterator[str]:
    for key, value in values.items():
        yield from _entry(f"{indent}{_scalar(key)}:", value, indent)


def _items(values: Sequence, indent: str) -> Iterator[str]:
    for value in values:
        if isinstance(value, Mapping) and value:
            first, *others = _block(value, indent + _INDENT)
            yield f"{indent}- {first.removeprefix(indent + _INDENT)}"
            yield from others
        else:
            yield f"{indent}- {_scalar(value)}"


def _entry(head: str, value, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield head
        yield from _block(value, indent + _INDENT)
    elif isinstance(value, list | tuple) and any(isinstance(x, Mapping) for x in value):
        yield head
        yield from _items(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value) -> str:
    """JSON is YAML, but for numbers such as 1e-05, which YAML 1.1 takes for texts."""
    if isinstance(value, float):
        text = json.dumps(value)
        mantissa, e, exponent = text.partition("e")
        return mantissa + ".0" * bool(e and "." not in mantissa) + e + exponent
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{_scalar(key)}: {_scalar(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str) and _plain(value):
        return value
    text = json.dumps(value, ensure_ascii=False)
    # What YAML takes for ends of lines, or does not take at all.
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", text
    )


def _plain(text: str) -> bool:
    """True for words that YAML takes for themselves, without quotes."""
    words = text.replace("-", "").replace("_", "")
    reserved = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    return (
        words.isascii()
        and words.isalnum()
        and text[0].isalpha()
        and text.lower() not in reserved
    )
