"""What is known already: tokens of tiles, and contexts that may be asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Context


@dataclass(frozen=True)
class KnownTokens:
    """The tokens of one tile as far as they are known, in half precision.

    Attributes
    ----------
    values : (rows, columns, D) float16
    known : (rows, columns) bool
        Where they were computed; zero elsewhere.
    """

    values: NDArray[np.float16]
    known: NDArray[np.bool_]

    @classmethod
    def none(cls, shape: tuple[int, ...], width: int) -> KnownTokens:
        """Return the tokens of a tile of which nothing is known yet."""
        return cls(np.zeros((*shape, width), np.float16), np.zeros(shape, bool))

    def with_more(self, computed: NDArray[np.bool_], tokens: NDArray[np.float32]) -> KnownTokens:
        """Return these tokens and those (n, D) that were computed; readers may still hold these."""
        values = self.values.copy()
        with np.errstate(over="ignore"):  # becomes infinite, and is then refused
            values[computed] = tokens
        return KnownTokens(values, self.known | computed)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.values.nbytes + self.known.nbytes


class Contexts(Protocol):
    """Where contexts wait for the next question."""

    def get(self, key: str, /) -> Context | None:
        """Return a context, if it is still there."""
        ...

    def put(self, key: str, context: Context, /) -> None:
        """Keep a context for a while."""
        ...


class TokenStore(Protocol):
    """Where tokens are kept, see `napari_vitrail.store.FeatureStore`."""

    @property
    def contexts(self) -> Contexts:
        """Contexts of the tiles that were asked last."""
        ...

    def get(self, key: str) -> KnownTokens | None:
        """Return tokens that were stored under a key."""
        ...

    def holds(self, key: str) -> bool:
        """Whether all tokens of a tile are stored under a key."""
        ...

    def put(self, key: str, tokens: KnownTokens, about: dict[str, Any]) -> None:
        """Store tokens; `about` says what they are, for people."""
        ...
