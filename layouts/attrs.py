"""`data-` and `aria-` attributes: names that Python cannot spell as keywords."""

from collections.abc import Mapping
from typing import Any


def attrs(values: Mapping[str, str]) -> dict[str, Any]:
    """`values` for a component's `**`; Dash's signatures know no such names, so they are typed as anything."""
    return dict(values)
