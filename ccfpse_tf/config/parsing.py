"""Dataclasses of settings, checked by pydantic, from JSON and from `key=value` texts.

Type, range, choices and description of a key stand on its field, and pydantic checks
them. This module adds what pydantic does not do: messages that name the key, the value
found and the values allowed; suggestions for unknown keys; values written as text.
"""

import dataclasses
import functools
import inspect
import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

import pydantic
import pydantic.dataclasses
from pydantic.fields import FieldInfo

from ccfpse_tf.errors import InputError

# ``key: Annotated[int, ADDED_LATER]`` marks a key that files written before it lack.
ADDED_LATER = "added later"


@dataclasses.dataclass(frozen=True)
class Renamed:
    """Marks a key that had another name before, which is still read.

    Attributes:
        before: the name, in the same section.
        values: former values that are written in another way now.
    """

    before: str
    values: Mapping[object, object] = dataclasses.field(default_factory=dict)


_CHECKED = pydantic.ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}
_BOUNDS = {
    "ge": "{} or more",
    "gt": "above {}",
    "le": "{} or less",
    "lt": "below {}",
    "multiple_of": "a multiple of {}",
}


# Type checkers know no positional default of a `field_specifier`. Without one, every
# value is a default.
@typing.dataclass_transform(frozen_default=True)
def settings(kind: type) -> type:
    """Makes a class a frozen dataclass that raises `InputError` for wrong values.

    Fields read ``ngf: int = Field(64, ge=1, description="...")``. ``__post_init__`` may
    raise a ``ValueError`` about values that do not fit each other.
    """
    kind = pydantic.dataclasses.dataclass(frozen=True, config=_CHECKED)(kind)
    check, signature = kind.__init__, inspect.signature(kind)

    @functools.wraps(check)
    def __init__(self, *args, **kwargs):
        given = signature.bind(*args, **kwargs).arguments
        try:
            check(self, **given)
        except pydantic.ValidationError as error:
            problems = _problems(error, kind, given)
            raise _cannot_be_used(kind.__name__, problems) from None

    kind.__init__ = __init__
    return kind


def keys(kind: type) -> dict[str, FieldInfo]:
    """Returns the field of every key of ``kind``, those of sections as ``a.b``."""
    found = {}
    for name, field in kind.__pydantic_fields__.items():
        if dataclasses.is_dataclass(field.annotation):
            inner = keys(field.annotation)
            found |= {f"{name}.{key}": inner[key] for key in inner}
        else:
            found[name] = field
    return found


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Returns a message that names the known keys nearest to ``key``."""
    leaves = {name.rpartition(".")[2]: name for name in known}
    near = get_close_matches(key, known, n=3, cutoff=0.6)
    for leaf in get_close_matches(key.rpartition(".")[2], leaves, n=3, cutoff=0.6):
        if leaves[leaf] not in near:
            near.append(leaves[leaf])
    if near:
        return f"unknown key {key!r}; did you mean {', '.join(near[:3])}?"
    return f"unknown key {key!r}; known keys: {', '.join(known)}"


def parse_text(text: str, kind: object) -> object:
    """Returns ``text`` as a value of the type ``kind``.

    Raises:
        ValueError: for text that does not describe such a value.
    """
    kind, optional = _without_none(kind)
    if optional and text.lower() in ("none", "null", ""):
        return None
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text.lower()]
    if typing.get_origin(kind) is typing.Literal:
        return type(typing.get_args(kind)[0])(text)
    if typing.get_origin(kind) is tuple:
        parts = text.strip("()[] ").replace("x", ",").split(",")
        return tuple(
            parse_text(part, inner)
            for part, inner in zip(parts, typing.get_args(kind), strict=True)
        )
    return kind(text)


def describe_values(field: FieldInfo) -> str:
    """Returns the values that a field takes, such as "a whole number, 1 or more"."""
    kind, optional = _without_none(field.annotation)
    if typing.get_origin(kind) is typing.Literal:
        choices = typing.get_args(kind)
        several = str in map(type, choices) and len(choices) > 1
        words = [f"one of {choices}" if several else " or ".join(map(repr, choices))]
    elif typing.get_origin(kind) is tuple:
        words = ["two whole numbers, height and width, such as 256x512"]
    else:
        words = [_KINDS.get(kind, "a text")]
    bounds = {
        name: text.format(getattr(constraint, name))
        for constraint in field.metadata
        for name, text in _BOUNDS.items()
        if hasattr(constraint, name)
    }
    if kind is float and not bounds.keys() & {"le", "lt"}:
        bounds["finite"] = "finite"
    if bounds:
        words.append(" and ".join(bounds.values()))
    if optional:
        words.append("or none")
    return ", ".join(words)


def override(config, assignments: Sequence[str], example: str, source: str):
    """Returns the settings ``config`` with ``key=value`` texts applied.

    Args:
        config: an instance of a class made by `settings`; it is not changed.
        assignments: such as ``["generator.ngf=32"]``.
        example: shown where the ``=`` is missing.
        source: what messages call the result.

    Raises:
        InputError: for an unknown key (with the nearest known ones), a value that is
            not of the key's type, or a result that fails the checks.
    """
    values, known = dataclasses.asdict(config), keys(type(config))
    for assignment in assignments:
        key, equals, text = (part.strip() for part in assignment.partition("="))
        if not equals:
            raise InputError(f"--set {assignment}: write key=value, such as {example}")
        key, text = _new_name(key, text, known)
        if key not in known:
            raise InputError(f"--set {assignment}: {unknown_key(key, [*known])}")
        try:
            value = parse_text(text, known[key].annotation)
        except ValueError:
            wanted = describe_values(known[key])
            raise InputError(f"--set {assignment}: {text!r} is not {wanted}") from None
        section, _, name = key.rpartition(".")
        (values[section] if section else values)[name] = value
    return build(type(config), values, source)


def build(kind: type, values: object, source: str):
    """Makes settings of the class ``kind`` from what JSON holds: nested dicts.

    A section may be missing, and so may a key that is marked `ADDED_LATER`: files
    written before it was there lack it.

    Raises:
        InputError: naming ``source`` and every key that is unknown or missing, or has a
            value that it must not have.
    """
    values = _with_new_names(kind, values)
    problems = [f"the key {key!r} is missing" for key in _missing(kind, values)]
    made = None
    try:
        # As JSON, not as dicts: strict checks then take lists for tuples.
        made = pydantic.TypeAdapter(kind).validate_json(json.dumps(values))
    except pydantic.ValidationError as error:
        problems += _problems(error, kind, values)
    if problems:
        raise _cannot_be_used(source, problems)
    return made


def _cannot_be_used(source, problems):
    return InputError(f"{source} cannot be used:\n  " + "\n  ".join(problems))


def _missing(kind, values, prefix="") -> Iterator[str]:
    if not isinstance(values, dict):
        return
    for name, field in kind.__pydantic_fields__.items():
        section = dataclasses.is_dataclass(field.annotation)
        if section and name in values:
            yield from _missing(field.annotation, values[name], f"{name}.")
        elif name not in values and not section and ADDED_LATER not in field.metadata:
            yield prefix + name


def _renamings(fields):
    """Returns ``{former key: (key, Renamed)}``."""
    found = {}
    for key, field in fields.items():
        for mark in field.metadata:
            if isinstance(mark, Renamed):
                section, dot, _ = key.rpartition(".")
                found[f"{section}{dot}{mark.before}"] = key, mark
    return found


def _new_name(key, value, known):
    """Returns a key and its value as they are written today."""
    key, mark = _renamings(known).get(key, (key, Renamed("")))
    return key, mark.values.get(value, value)


def _with_new_names(kind, values):
    """Returns nested dicts with the former names of keys replaced."""
    if not isinstance(values, dict):
        return values
    renamings, found = _renamings(kind.__pydantic_fields__), {}
    for name, value in values.items():
        field = kind.__pydantic_fields__.get(name)
        if field is not None and dataclasses.is_dataclass(field.annotation):
            value = _with_new_names(field.annotation, value)
        elif name in renamings and renamings[name][0] not in values:
            name, mark = renamings[name]
            value = mark.values.get(value, value)
        found[name] = value
    return found


def _problems(error, kind, values: Mapping) -> list[str]:
    """Returns pydantic's errors in our words, one line per key."""
    fields, lines = keys(kind), []
    for item in error.errors(include_url=False):
        path = ".".join(map(str, item["loc"]))
        # Errors inside a tuple are the key's.
        key = next((key for key in fields if f"{path}.".startswith(f"{key}.")), None)
        if item["type"] == "value_error":  # by __post_init__
            lines.append(str(item["ctx"]["error"]))
        elif item["type"] == "unexpected_keyword_argument":
            section = path.rpartition(".")[0]
            known = [key for key in fields if key.startswith(f"{section}.")]
            lines.append(unknown_key(path, known or [*kind.__pydantic_fields__]))
        elif item["type"].startswith("dataclass"):
            where = f"{path}: " if path else ""
            lines.append(f"{where}expected a JSON object, found {item['input']!r}")
        elif path != key or item["type"] != "missing":  # `_missing` tells these
            value = values
            for name in key.split("."):
                value = value[name]
            wanted = describe_values(fields[key])
            lines.append(f"{key} is {value!r}; it must be {wanted}")
    return list(dict.fromkeys(lines))


def _without_none(kind):
    """Returns ``X, True`` for ``X | None``, and ``kind, False`` for other types."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return typing.get_args(kind)[0], True
    return kind, False
