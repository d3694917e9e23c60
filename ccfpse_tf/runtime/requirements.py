"""The packages that this one needs or can use, and which of them are installed."""

import dataclasses
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)\s*(?:\[(?P<own>[^]]*)\])?\s*(?P<bounds>[^;\[]*)"
    r"(?:;.*\bextra\s*==\s*['\"](?P<extra>[\w.-]+)['\"])?"
)


@dataclasses.dataclass(frozen=True)
class Requirement:
    """A package and the versions of it that will do.

    Attributes:
        name: for pip.
        bounds: pairs of ``">="`` or ``"=="`` and a version.
        extra: that needs it; None: the package itself does.
    """

    name: str
    bounds: tuple[tuple[str, str], ...]
    extra: str | None

    def __str__(self):
        return self.name + ",".join(sign + number for sign, number in self.bounds)

    def lack(self, found: str | None) -> str | None:
        """Returns what is wrong with a version, None if nothing is.

        Args:
            found: the version that is installed; None if none is.
        """
        if found is None:
            return f"{self} is missing"
        for sign, number in self.bounds:
            if sign == ">=" and _numbers(found) < _numbers(number):
                return f"{self.name} {found} is too old, {self} is needed"
            if sign == "==" and found != number:
                return f"{self.name} {found} is not {self}"
        return None


def read_requirements(package: str = "ccfpse-tf") -> list[Requirement]:
    """Returns what an installed package asks for, in its order; [] if it is not.

    What an extra takes over from other extras of the same package is left out; what it
    takes over from those of another package, such as ``tensorflow[and-cuda]``, is not.
    """
    try:
        texts = requires(package) or ()
    except PackageNotFoundError:
        return []
    return [found for text in texts for found in _read(text, package)]


def installed(name: str) -> str | None:
    """Returns the version of a package that is installed, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _read(text, package) -> Iterator[Requirement]:
    match = _REQUIREMENT.match(text)
    if not match or match["name"] == package:
        return
    bounds = re.findall(r"(>=|==)\s*([\w.]+)", match["bounds"])
    yield Requirement(match["name"], tuple(bounds), match["extra"])
    if match["own"]:
        own = re.split(r"\s*,\s*", match["own"].strip())
        for found in read_requirements(match["name"]):
            if found.extra in own:
                yield dataclasses.replace(found, extra=match["extra"])


def _numbers(text) -> tuple[int, ...]:
    """``"2.21.0rc1"`` as ``(2, 21)``: without zeros at the end, so that 2.0 is 2."""
    numbers = [int(part) for part in re.match(r"[\d.]*", text)[0].split(".") if part]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
