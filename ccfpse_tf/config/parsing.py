"""Text and JSON values into nested frozen dataclasses, checked by their annotations."""

import dataclasses
import types
import typing
from collections.abc import Sequence
from difflib import get_close_matches

from ccfpse_tf.errors import InputError

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

ADDED_LATER = {"architecture"}


def types_by_key(kind: type) -> dict[str, object]:
    """Returns the annotated type of every ``section.name`` key of ``kind``."""
    found: dict[str, object] = {}
    for name, hint in typing.get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            inner = types_by_key(hint)
            found |= {f"{name}.{key}": inner[key] for key in inner}
        else:
            found[name] = hint
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
    """Returns ``text`` as a ``kind``; raises ``ValueError`` where it is none."""
    if isinstance(kind, types.UnionType):  # only `X | None` occurs
        kind, _ = typing.get_args(kind)
        return None if text.lower() in ("none", "null", "") else parse_text(text, kind)
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text.lower()]
    if typing.get_origin(kind) is tuple:
        parts = text.strip("()[] ").replace("x", ",").split(",")
        kinds = typing.get_args(kind)
        if len(parts) != len(kinds):
            raise ValueError(text)
        return tuple(
            parse_text(part, kind) for part, kind in zip(parts, kinds, strict=True)
        )
    return kind(text)


def describe_type(kind: object) -> str:
    """Returns words for ``kind``, such as "a whole number"."""
    if isinstance(kind, types.UnionType):
        return f"{describe_type(typing.get_args(kind)[0])} or none"
    if typing.get_origin(kind) is tuple:
        return "two whole numbers, height and width, such as 256x512"
    return {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
    }[kind]


def override(config, assignments: Sequence[str], example: str):
    """Returns the dataclass ``config`` with ``key=value`` texts applied.

    Args:
        config: a dataclass of values, or of such dataclasses; it is not changed.
        assignments: such as ``["generator.ngf=32"]``.
        example: shown where the ``=`` is missing.

    Raises:
        InputError: for an unknown key (with the nearest known ones), a value that is
            not of the key's type, or a result that fails the dataclass's checks.
    """
    values = dataclasses.asdict(config)
    kinds = types_by_key(type(config))
    for assignment in assignments:
        key, equals, text = (part.strip() for part in assignment.partition("="))
        if not equals:
            raise InputError(f"--set {assignment}: write key=value, such as {example}")
        if key not in kinds:
            raise InputError(f"--set {assignment}: {unknown_key(key, kinds)}")
        try:
            value = parse_text(text, kinds[key])
        except ValueError:
            wanted = describe_type(kinds[key])
            raise InputError(f"--set {assignment}: {text!r} is not {wanted}") from None
        section, _, name = key.rpartition(".")
        (values[section] if section else values)[name] = value
    return build(type(config), values, "config")


def build(kind: type, values: object, source: str, prefix: str = ""):
    """Builds the dataclass ``kind`` from nested dicts, checking keys and types.

    Raises:
        InputError: naming ``source`` and the key that is unknown, missing or mistyped.
    """
    if not isinstance(values, dict):
        where = f"{prefix.rstrip('.')}: " if prefix else ""
        raise InputError(f"{source}: {where}expected a JSON object, found {values!r}")
    hints = typing.get_type_hints(kind)
    for key in values:
        if key not in hints:
            known = [prefix + name for name in hints]
            raise InputError(f"{source}: {unknown_key(prefix + key, known)}")
    arguments = {}
    for field in dataclasses.fields(kind):
        key = prefix + field.name
        if field.name not in values:
            section = dataclasses.is_dataclass(hints[field.name])
            known = field.default is not dataclasses.MISSING
            if known and (section or field.name in ADDED_LATER):
                continue  # a file from before the section or key was there
            raise InputError(f"{source}: the key {key!r} is missing")
        hint, value = hints[field.name], values[field.name]
        if dataclasses.is_dataclass(hint):
            arguments[field.name] = build(hint, value, source, key + ".")
        else:
            arguments[field.name] = _typed(value, hint, f"{source}: {key}")
    return kind(**arguments)


def _typed(value: object, kind: object, where: str) -> object:
    if isinstance(kind, types.UnionType):
        return None if value is None else _typed(value, typing.get_args(kind)[0], where)
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if isinstance(value, list | tuple) and len(value) == len(kinds):
            return tuple(_typed(v, k, where) for v, k in zip(value, kinds, strict=True))
    elif kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    elif type(value) is kind:  # not isinstance: True must not pass as 1
        return value
    raise InputError(f"{where}: {value!r} is not {describe_type(kind)}")
