"""The routing file in force: read again when it changes; one with an error leaves the last good tree where it is."""

from pathlib import Path

import structlog

from alerts.routing import Route, parse_routing
from geodata.errors import BadInput

log = structlog.get_logger()


class RoutingFile:
    """Call it for the tree in force. The first reading raises `BadInput` or `OSError`; later ones are logged once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._root: Route | None = None
        self.problem = ""

    def __call__(self) -> Route:
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._root = parse_routing(self._path.read_text(encoding="utf-8"), self._path.name)
                self._seen, self.problem = seen, ""
        except (BadInput, OSError, UnicodeDecodeError) as wrong:
            if self._root is None:
                raise
            if str(wrong) != self.problem:
                self.problem = str(wrong)
                log.error("routing.file-wrong", problem=self.problem)
        assert self._root is not None
        return self._root
