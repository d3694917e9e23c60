"""Matches the classes of two data sets by their names.

A network reads a layout as channels: a channel per class, with don't care in its place,
then one of instance edges where the data have instances.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import InputError

_SHOWN = 8  # names of a list


@dataclasses.dataclass(frozen=True)
class ClassMatch:
    """The channels of new data, as the channels of old data.

    Attributes:
        sources: for every semantic channel of the new data the old data's channel, or
            None for a class that these lack.
        channels: how many semantic channels the old data have.
        added: names of the new classes.
        dropped: names of the old data's classes that the new data lack.
    """

    sources: tuple[int | None, ...]
    channels: int
    added: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def same(self) -> bool:
        """True if every channel is where it was, and there are no others."""
        return self.sources == tuple(range(self.channels))

    def summary(self) -> str:
        """Returns one line about what is kept, new and dropped."""
        kept = len(self.sources) - len(self.added)
        return (
            f"{kept} of {self.channels} channels of the layout known, "
            f"new: {_listed(self.added)}, dropped: {_listed(self.dropped)}"
        )


def match_classes(old: Description, new: Description, source: str) -> ClassMatch:
    """Finds the channel of every class of ``new`` among those of ``old``.

    Names must be equal but for capitals and spaces around them. Of several classes of
    one name the first matches the first, and so on.

    Args:
        old: of the data that a preset was trained on.
        new: of the data to train on.
        source: names the preset in messages.

    Raises:
        InputError: only one of the two has instances.
    """
    if old.instances != new.instances:
        raise InputError(
            f"{source}: was trained {_with(old)} instance maps, but the records of "
            f"{new.name!r} are {_with(new)} them: prepare records {_with(old)} "
            "instances, choose another preset, or train without --preset"
        )
    free = defaultdict(list)
    for channel, name in enumerate(_channel_names(old)):
        free[name].append(channel)
    sources = tuple(
        free[name].pop(0) if free[name] else None for name in _channel_names(new)
    )
    shown = [*old.index_names, "instance edges"]
    left = sorted(channel for channels in free.values() for channel in channels)
    return ClassMatch(
        sources,
        old.semantic_channels,
        added=tuple(
            name
            for name, found in zip(new.index_names, sources, strict=False)
            if found is None
        ),
        dropped=tuple(shown[channel] for channel in left),
    )


def _channel_names(data: Description) -> list[tuple[str, str]]:
    """A key for every channel; a class called "don't care" is not the real one."""
    names = [("class", name.strip().casefold()) for name in data.index_names]
    if data.dont_care_index is not None:
        names[data.dont_care_index] = ("don't care", "")
    return [*names, *[("edges", "")] * data.instances]


def _with(data: Description) -> str:
    return "with" if data.instances else "without"


def _listed(names: tuple[str, ...]) -> str:
    shown = list(names[:_SHOWN])
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    return ", ".join(shown) or "none"
