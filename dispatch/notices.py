"""A signed notice, as a call sends it."""

from dataclasses import dataclass

from dispatch.model import Incident
from dispatch.plan_book import DRILL


@dataclass(frozen=True, slots=True)
class Notice:
    """What was signed, by whom; `doubts` are what the officer must know before calling with it."""

    response_id: str
    level: str
    short: str
    long: str
    signed_by: str
    doubts: tuple[str, ...] = ()

    def texts(self, *, exercise: bool) -> tuple[str, str]:
        """Short and long, word for word; a drill's begin with 【演练】."""
        prefix = DRILL if exercise else ""
        return prefix + self.short, prefix + self.long


def no_notice(incident: Incident) -> Notice | None:  # noqa: ARG001 the shape of a look-up
    """For a desk that keeps no signed notices."""
    return None
