"""Reads pickles that hold data alone; nothing in them is imported or called.

A pickle is a program for a stack machine. The one here knows the few operations that
dictionaries, lists, numbers and text need, and the functions that its user names.
Whatever else a pickle asks for ends the reading, and what a pickle costs to read is in
proportion to its length.
"""

import pickletools
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

OPERATIONS = 1_000_000  # of all pickles of a file; a tensor takes about 40

_MARK = object()  # on the stack, where a group of items begins
_SIMPLE = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"}
_VALUES |= {"SHORT_BINSTRING", "BINSTRING"}  # text, as Python 2 wrote it
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Damaged(ValueError):
    """A pickle that is cut short, or that contradicts itself."""


class Forbidden(ValueError):
    """A pickle that asks for something that is not data; the text names it."""


class RestrictedUnpickler:
    """Reads the pickles of one file, one after the other.

    Args:
        file: opened for reading, where a pickle begins. It must not give more than it
            holds, whatever it is asked for.
        functions: what ``module.name`` in a pickle stands for: a function of tuples'
            items, or any other value, which is not called. It may raise `Damaged`.
        persistent: makes an object of a persistent identity, a tuple.
    """

    def __init__(
        self,
        file: BinaryIO,
        functions: Mapping[str, object],
        persistent: Callable[[tuple], object],
    ):
        self._file = file
        self._functions = {"collections.OrderedDict": self._ordered_dict, **functions}
        self._persistent = persistent
        self._left = OPERATIONS

    def load(self) -> object:
        """Returns the object of the next pickle; the file is then behind it.

        Raises:
            Damaged: it cannot be read, or is longer than any that holds a network.
            Forbidden: it asks for a function that is not allowed.
        """
        self._stack, self._memo = [], {}
        for name, argument in self._operations():
            self._spend(1)
            self._do(name, argument)
        found = self._pop()
        if self._stack:
            raise Damaged("a pickle in it leaves objects over")
        return found

    def _operations(self) -> Iterator[tuple[str, object]]:
        try:
            for operation, argument, _ in pickletools.genops(self._file):
                if operation.name == "STOP":
                    return
                yield operation.name, argument
        except (ValueError, struct.error) as error:  # cut short, or no operation
            raise Damaged(f"its pickle: {str(error)[:100]}") from None

    def _spend(self, count):
        self._left -= count
        if self._left < 0:
            raise Damaged("its pickles are longer than those of any network")

    def _do(self, name, argument):
        if name in _SIMPLE:
            self._stack.append(_SIMPLE[name]())
        elif name in _VALUES:
            self._stack.append(argument)
        elif name in _TUPLES:
            items = [self._pop() for _ in range(_TUPLES[name])]
            self._stack.append(tuple(reversed(items)))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._top()
        elif name in ("BINGET", "LONG_BINGET"):
            if argument not in self._memo:
                raise Damaged("its pickle refers to what it does not hold")
            self._stack.append(self._memo[argument])
        elif name == "GLOBAL":
            self._stack.append(self._allowed(argument.replace(" ", ".", 1)))
        elif name in _OTHERS:
            _OTHERS[name](self)
        elif name != "PROTO":
            raise Damaged(f"its pickle uses {name}, which no state dictionary needs")

    def _allowed(self, name):
        if name not in self._functions:
            raise Forbidden(name[:200])
        return self._functions[name]

    def _top(self, kind=object):
        if not self._stack or self._stack[-1] is _MARK:
            raise Damaged("its pickle takes more than it has")
        return expect(self._stack[-1], kind)

    def _pop(self, kind=object):
        found = self._top(kind)
        self._stack.pop()
        return found

    def _group(self):
        """Takes everything behind the last mark."""
        items = []
        while self._stack:
            item = self._stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)
        raise Damaged("its pickle takes more than it has")

    def _tuple(self):
        self._stack.append(tuple(self._group()))

    def _append(self):
        item = self._pop()
        self._top(list).append(item)

    def _appends(self):
        items = self._group()
        self._top(list).extend(items)

    def _set_item(self):
        value, key = self._pop(), self._pop()
        self._top(dict)[_key(key)] = value

    def _set_items(self):
        items = self._group()
        if len(items) % 2:
            raise Damaged("its pickle holds a name without a value")
        found = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            found[_key(key)] = value

    def _build(self):
        """Drops the attributes of an object, such as the ``_metadata`` of modules."""
        self._pop()
        self._top(OrderedDict)

    def _reduce(self):
        arguments, function = self._pop(tuple), self._pop()
        if not callable(function):
            raise Damaged("its pickle calls what is not a function")
        self._stack.append(function(*arguments))

    def _persistent_object(self):
        self._stack.append(self._persistent(self._pop(tuple)))

    def _ordered_dict(self, pairs=None, *others):
        """``OrderedDict(pairs)``; only Python 2 gives it pairs."""
        if others:
            raise Damaged("its pickle makes a dictionary of several objects")
        found = OrderedDict()
        if pairs is None:
            return found
        self._spend(len(expect(pairs, list)))  # which may be the same list again
        for pair in pairs:
            if len(expect(pair, list | tuple)) != 2:
                raise Damaged("its pickle holds a name without a value")
            found[_key(pair[0])] = pair[1]
        return found


_OTHERS = {
    "TUPLE": RestrictedUnpickler._tuple,
    "APPEND": RestrictedUnpickler._append,
    "APPENDS": RestrictedUnpickler._appends,
    "SETITEM": RestrictedUnpickler._set_item,
    "SETITEMS": RestrictedUnpickler._set_items,
    "BUILD": RestrictedUnpickler._build,
    "REDUCE": RestrictedUnpickler._reduce,
    "BINPERSID": RestrictedUnpickler._persistent_object,
}


def expect(value, kind):
    """Returns a value of a type.

    Raises:
        Damaged: it is of another one.
    """
    if not isinstance(value, kind):
        raise Damaged(f"its pickle has a {type(value).__name__} at a wrong place")
    return value


def _key(value):
    # Of other types, or longer, keys whose hashes are equal or costly could be made.
    expect(value, str | int | None)
    if isinstance(value, int) and value.bit_length() > 64:
        raise Damaged("its pickle uses a number of more than 64 bits as a name")
    return value
