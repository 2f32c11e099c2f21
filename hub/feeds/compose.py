"""Building the feeds process, and the feeds desk of a web process."""

from collections.abc import Callable

from alerts.desk import AlertDesk
from alerts.feeds.model import FeedSpec
from geodata.clock import utc_now
from hub.audit import Audited
from hub.bus import RedisReadingBus
from hub.cap_store import CapShelf
from hub.compose import ALERT_ACTIONS
from hub.compose_stores import ROOT, open_stores, redis_client
from hub.feed_cursors import FeedCursors
from hub.feeds.board import FeedBoard
from hub.feeds.book import FeedsBook
from hub.feeds.door import Door
from hub.feeds.process import FeedsProcess
from hub.feeds.runners import RUNNERS
from hub.holders import own_name
from hub.lease import Leases
from hub.open_alerts import CachedAlertStore
from hub.readings_in import ReadingCheck
from hub.settings import Settings


def build_feeds(settings: Settings) -> FeedsProcess:
    """The feeds process of an installation."""
    stores, client = open_stores(settings), redis_client(settings)
    board, bus, check = FeedBoard(client), RedisReadingBus(client), ReadingCheck(stores.registry)
    desk = AlertDesk(CachedAlertStore(stores.database), stores.rejects, utc_now, originals=CapShelf(stores.database))
    warnings = Audited(desk, stores.audit, ALERT_ACTIONS)

    def make_door(spec: FeedSpec, is_ours: Callable[[], bool]) -> Door:
        return Door(
            spec, board=board, bus=bus, check=check, rejects=stores.rejects, warnings=warnings, clock=utc_now,
            is_ours=is_ours, cursors=FeedCursors(stores.database),
        )  # fmt: skip

    book = FeedsBook(ROOT / settings.feeds_file)
    return FeedsProcess(book, board, Leases(stores.database), RUNNERS, make_door, own_name(), utc_now)


def feeds_command(_arguments: list[str], settings: Settings) -> int:
    """`python app.py feeds`: every feed of the feeds file, until a signal or until the file changes."""
    build_feeds(settings).run()
    return 0
