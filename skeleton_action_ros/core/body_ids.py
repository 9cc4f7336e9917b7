"""Numbers for persons whom their tracker names by a text."""

from __future__ import annotations

from collections import OrderedDict

_FIRST_GIVEN = 1_000_000
_LARGEST = 2**31
_MOST = 1000


class BodyIds:
    """
    Gives each name the same number while it is in use: itself where it is a number, else the next.

    Of more than a thousand names, the one used longest ago is forgotten.
    """

    def __init__(self) -> None:
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._next = _FIRST_GIVEN

    def number(self, name: str) -> int:
        """Return the number of a person, from 0."""
        if name.isascii() and name.isdigit() and len(name) < 10 and int(name) < _FIRST_GIVEN:
            return int(name)
        if name not in self._numbers:
            self._numbers[name] = self._next
            self._next = _FIRST_GIVEN + (self._next + 1 - _FIRST_GIVEN) % (_LARGEST - _FIRST_GIVEN)
            if len(self._numbers) > _MOST:
                self._numbers.popitem(last=False)
        self._numbers.move_to_end(name)
        return self._numbers[name]
