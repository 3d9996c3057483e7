"""Values that were used lately, as many as fit into a budget of memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Something that says how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        ...


Value = TypeVar("Value", bound=Sized)


class Recent(Generic[Value]):
    """The values that were used last, as many as fit into a number of bytes; safe among threads.

    Parameters
    ----------
    budget : int, bytes
        A value larger than that is not kept.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        with self._lock:
            return sum(value.nbytes for value in self._values.values())

    def get(self, key: str) -> Value | None:
        """Return a value if it is still there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: str, value: Value) -> None:
        """Keep a value, in place of those that were not used for longest."""
        with self._lock:
            self._values.pop(key, None)
            if value.nbytes > self.budget:
                return
            self._values[key] = value
            total = sum(kept.nbytes for kept in self._values.values())
            while total > self.budget:
                total -= self._values.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
