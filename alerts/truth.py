"""Three-valued logic over many scopes at once, as two bounds: what surely holds, and what may hold.

Something unknown may hold and does not surely hold; so its negation may hold too and does not surely hold either, and
nothing unknown can ever make a `not` true (Kleene's strong logic).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.combination import Among, Condition, Not, Tree

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Truth:
    """(scopes,) each; `surely` implies `maybe`."""

    surely: Flags
    maybe: Flags

    @property
    def unknown(self) -> Flags:
        return self.maybe & ~self.surely


def truth_of(tree: Tree, of_condition: Callable[[Condition], Truth]) -> Truth:
    """The truth of `tree` in every scope, from that of its conditions."""
    if isinstance(tree, Condition):
        return of_condition(tree)
    if isinstance(tree, Not):
        inner = truth_of(tree.part, of_condition)
        return Truth(~inner.maybe, ~inner.surely)
    return _among(tree, [truth_of(part, of_condition) for part in tree.parts])


def _among(tree: Among, parts: list[Truth]) -> Truth:
    surely = np.sum([part.surely for part in parts], axis=0)
    maybe = np.sum([part.maybe for part in parts], axis=0)
    return Truth(surely >= tree.least, maybe >= tree.least)
