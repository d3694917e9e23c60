"""Durations in words."""

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def in_words(seconds: float) -> str:
    """Returns a duration as ``"3 days 4 hours"``, ``"12 days"`` or ``"5 minutes"``.

    Two units at most, and the second one only behind a number below ten.
    """
    seconds = max(1.0, seconds)
    place = next(i for i, (_, length) in enumerate(_UNITS) if seconds >= length)
    name, length = _UNITS[place]
    if seconds >= 10 * length or place == len(_UNITS) - 1:
        return _counted(round(seconds / length), name)
    smaller, part = _UNITS[place + 1]
    whole, rest = divmod(round(seconds / part), length // part)
    text = _counted(whole, name)
    return f"{text} {_counted(rest, smaller)}" if rest else text


def _counted(count, name):
    return f"{count} {name}" + ("" if count == 1 else "s")
