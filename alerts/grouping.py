"""When a receiver is told of a group of alerts: Alertmanager's wait, interval and repeat as a state machine.

- A change (an alert fires, changes level, is escalated, is over) waits `group_wait` for company.
- Two messages about one group are at least `group_interval` apart.
- When nothing changes, what still fires is told again every `repeat_interval`.

`now` is seconds on a clock that never steps (`time.monotonic`); a wall clock that jumps can neither hold back a message
nor repeat one. Differences from Alertmanager: the interval counts from the last message, not in fixed ticks, so that a
change is never told later than there; an alert that ended after its time to be told had come is told as over even if
nobody could be reached before; the end of what was told is told even under a silence.
"""

import heapq
from collections.abc import Iterable, Iterator
from hashlib import sha256
from math import inf

from alerts.group_state import RETRY_FIRST_S, RETRY_MOST_S, Group, Notice, Record, mark
from alerts.model import Alert
from alerts.routing import Place, Route, places, routing_labels


class Grouping:
    """Feed it with `add` and `mute`, ask `due`, and say what came of each notice with `sent` or `failed`."""

    def __init__(self, root: Route) -> None:
        self.root = root
        self._groups: dict[str, Group] = {}
        self._of: dict[str, tuple[str, ...]] = {}  # alert id → keys of its groups
        self._versions: dict[str, int] = {}
        self._muted: frozenset[str] = frozenset()
        self._heap: list[tuple[float, str]] = []

    def restore(self, place: Place, record: Record, sent_at: float) -> None:
        """A group as it was logged; before any alert is added."""
        group = self._groups.setdefault(place.key, Group(place))
        group.told, group.last_key, group.sent_at = dict(record.told), record.last_key, sent_at
        for alert_id in record.told:
            self._of[alert_id] = (*self._of.get(alert_id, ()), place.key)

    def add(self, alert: Alert, now: float, seq: int = 0) -> None:
        """The alert as it stands after a change at `now`, which was event number `seq`. Older versions are ignored."""
        if alert.version <= self._versions.get(alert.id, 0):
            return
        ended = alert.resolved_at is not None or alert.closed_at is not None
        before = self._of.get(alert.id, ())
        if ended and not before:
            return
        if ended:
            for key in before:
                self._end(self._groups[key], alert, now, seq)
        else:
            self._versions[alert.id] = alert.version
            wanted = places(self.root, routing_labels(alert))
            keys = tuple([place.key for place in wanted])
            for key in before:
                if key not in keys:
                    self._end(self._groups[key], alert, now, seq)
            self._of[alert.id] = (*keys, *(key for key in before if key not in keys and key in self._groups))
            for place in wanted:
                self._fire(place, alert, now, seq)

    def mute(self, ids: Iterable[str], now: float) -> None:
        """The alerts that are silenced, inhibited or shelved from now on; the others are not any more."""
        earlier, self._muted = self._muted, frozenset(ids)
        for alert_id in self._muted - earlier:
            for group in self._groups_of(alert_id):
                if alert_id not in group.over:
                    group.pending.pop(alert_id, None)
        for alert_id in earlier - self._muted:
            for group in self._groups_of(alert_id):
                alert = group.members.get(alert_id)
                if alert is not None and alert_id not in group.over and group.told.get(alert_id) != mark(alert):
                    group.pending[alert_id] = (now, 0)
                self._schedule(group)

    @property
    def muted(self) -> frozenset[str]:
        return self._muted

    def due(self, now: float) -> list[Notice]:
        """The messages whose time has come; each of these groups waits for `sent` or `failed`."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            moment, key = heapq.heappop(self._heap)
            group = self._groups.get(key)
            if group is None or moment > group.scheduled:
                continue
            group.scheduled = inf
            if group.due_at(self._muted) > now:
                self._schedule(group)
                continue
            notice = self._notice(group)
            if notice is None:
                group.pending.clear()
                self._drop_if_empty(group)
            else:
                group.flying = True
                found.append(notice)
        return found

    def next_due(self) -> float:
        """No message is due before this moment; infinite when nothing waits."""
        return self._heap[0][0] if self._heap else inf

    def sent(self, notice: Notice, now: float) -> Record | None:
        """The message arrived. What to remember of the group; None when there is nothing left of it."""
        group = self._groups[notice.place.key]
        group.flying, group.failures, group.retry_at = False, 0, -inf
        group.sent_at, group.last_key = now, notice.key
        for alert in notice.firing:
            group.told[alert.id] = mark(alert)
            if alert.id not in group.over and mark(group.members[alert.id]) == group.told[alert.id]:
                group.pending.pop(alert.id, None)
        for alert in notice.over:
            group.told.pop(alert.id, None)
            if alert.id in group.over and group.members[alert.id].version == alert.version:
                self._leave(group, alert.id)
        self._schedule(group)
        self._drop_if_empty(group)
        return Record(dict(group.told), group.last_key) if group.told else None

    def failed(self, notice: Notice, now: float) -> float:
        """The receiver was not reached: when it will be tried again, with what is so then."""
        group = self._groups[notice.place.key]
        group.flying = False
        group.retry_at = now + min(RETRY_MOST_S, RETRY_FIRST_S * 2**group.failures)
        group.failures = min(group.failures + 1, 16)
        self._schedule(group)
        return group.retry_at

    def firing(self) -> dict[str, Alert]:
        """Every alert that has not ended, by id."""
        return {
            one: alert for group in self._groups.values() for one, alert in group.members.items()
            if one not in group.over
        }  # fmt: skip

    def told_ids(self) -> set[str]:
        return {alert_id for group in self._groups.values() for alert_id in group.told}

    def knows(self, alert_id: str) -> bool:
        return alert_id in self._versions

    def oldest_pending(self) -> int | None:
        """The lowest event number that has not been told everywhere; None when all have."""
        numbers = [seq for group in self._groups.values() for _, seq in group.pending.values() if seq]
        return min(numbers, default=None)

    def in_order(self) -> None:
        """After alerts were added out of order: what changed first is first again."""
        for group in self._groups.values():
            group.pending = dict(sorted(group.pending.items(), key=lambda item: item[1][0]))
            self._schedule(group)

    def _groups_of(self, alert_id: str) -> Iterator[Group]:
        return (self._groups[key] for key in self._of.get(alert_id, ()) if key in self._groups)

    def _fire(self, place: Place, alert: Alert, now: float, seq: int) -> None:
        group = self._groups.get(place.key)
        if group is None:
            group = self._groups[place.key] = Group(place)
        group.members[alert.id] = alert
        group.over.discard(alert.id)
        if group.told.get(alert.id) == mark(alert):
            group.pending.pop(alert.id, None)
        elif alert.id not in self._muted and alert.id not in group.pending:
            group.pending[alert.id] = (now, seq)
        self._schedule(group)

    def _end(self, group: Group, alert: Alert, now: float, seq: int) -> None:
        """The alert is over, or does not belong to this group any more."""
        if alert.id in group.over:
            return
        late = alert.id in group.pending and group.due_at(self._muted) <= now
        if alert.id in group.told or group.flying or late:
            group.members[alert.id] = alert
            group.over.add(alert.id)
            group.pending.setdefault(alert.id, (now, seq))
        else:
            self._leave(group, alert.id)
        self._schedule(group)
        self._drop_if_empty(group)

    def _leave(self, group: Group, alert_id: str) -> None:
        group.members.pop(alert_id, None)
        group.pending.pop(alert_id, None)
        group.over.discard(alert_id)
        rest = tuple([key for key in self._of.get(alert_id, ()) if key != group.place.key])
        if rest:
            self._of[alert_id] = rest
        else:
            self._of.pop(alert_id, None)
            self._versions.pop(alert_id, None)

    def _notice(self, group: Group) -> Notice | None:
        quiet = self._muted
        firing = tuple([one for key, one in group.members.items() if key not in group.over and key not in quiet])
        over = tuple([group.members[key] for key in group.members if key in group.over])
        if not firing and not over:
            return None
        said = [f"{alert.id} {mark(alert)}" for alert in firing] + [f"{alert.id} over" for alert in over]
        text = "\n".join([group.place.route.receiver, group.place.key, group.last_key, *sorted(said)])
        return Notice(group.place, firing, over, sha256(text.encode()).hexdigest())

    def _schedule(self, group: Group) -> None:
        due = group.due_at(self._muted)
        if due < group.scheduled:
            group.scheduled = due
            heapq.heappush(self._heap, (due, group.place.key))

    def _drop_if_empty(self, group: Group) -> None:
        if not group.members and not group.told and not group.flying:
            self._groups.pop(group.place.key, None)
