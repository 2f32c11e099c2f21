"""What an import is told and what it answers: options, counts that add up, every row not taken as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

MAX_ORIGINAL_CHARS = 4000


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """`crs` beats the file's own; `mapping` is dataset field → source column; `encoding` is of the text attributes."""

    crs: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    dry_run: bool = False
    sample: bool = False


@dataclass(frozen=True, slots=True)
class ImportReject:
    """A row that was refused (or, in `flags`, taken with a remark). `original` is compact JSON, at most 4,000 chars.

    `row` is what the operator sees: the spreadsheet's row for tables (the header is row 1), else the feature from 1 on.
    """

    row: int
    reason: str
    original: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The outcome, for which `read = stored + unchanged + rejected` always holds.

    `flagged` rows are among the stored or unchanged. `area_km2` is the area of the accepted polygons, None otherwise.
    In a dry run `stored` is what would have been stored.
    """

    dataset: str
    read: int
    stored: int
    unchanged: int
    rejected: int
    flagged: int
    rejects: tuple[ImportReject, ...]
    flags: tuple[ImportReject, ...]
    dry_run: bool
    seconds: float
    at: datetime
    notes: tuple[str, ...] = ()
    area_km2: float | None = None
