"""Leases with fencing tokens: at most one holder, and a holder that was away too long can no longer write."""

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from geodata.errors import Conflict
from hub.database import Database
from hub.tables.alerts import LEASES


class Leases:
    """Named leases in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, name: str, holder: str, now: datetime, ttl_s: float) -> int | None:
        """The token when `holder` has the lease from now on, None while somebody else has it.

        A holder that asks again while its lease runs keeps its token; any other taking gives a higher one.
        """
        until = now + timedelta(seconds=ttl_s)
        with self._database.write() as connection:
            connection.execute(
                self._database.insert(LEASES)
                .values(name=name, holder="", token=0, expires_at=now)
                .on_conflict_do_nothing()
            )
            row = connection.execute(sa.select(LEASES).where(LEASES.c.name == name).with_for_update()).one()
            running = row.holder != "" and row.expires_at > now  # nobody's: stored times are rounded, up too
            if running and row.holder != holder:
                return None
            token = int(row.token) if running else int(row.token) + 1
            changed = LEASES.update().where(LEASES.c.name == name)
            connection.execute(changed.values(holder=holder, token=token, expires_at=until))
            return token

    def renew(self, name: str, token: int, now: datetime, ttl_s: float) -> bool:
        """Whether the lease was still ours and now runs longer. One that ran out but was not taken counts as ours."""
        with self._database.write() as connection:
            changed = LEASES.update().where(LEASES.c.name == name, LEASES.c.token == token, LEASES.c.holder != "")
            return connection.execute(changed.values(expires_at=now + timedelta(seconds=ttl_s))).rowcount == 1

    def release_gone(self, name: str, is_gone: Callable[[str], bool], now: datetime) -> bool:
        """Free the lease of a holder that `is_gone`: its end need not be waited for. Whether it was freed."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(LEASES).where(LEASES.c.name == name)).one_or_none()
        if row is None or not row.holder or not is_gone(row.holder):
            return False
        self.release(name, int(row.token), now)
        return True

    def release(self, name: str, token: int, now: datetime) -> None:
        """Give the lease back, if it is still ours. The token ends with it."""
        with self._database.write() as connection:
            changed = LEASES.update().where(LEASES.c.name == name, LEASES.c.token == token)
            connection.execute(changed.values(holder="", token=token + 1, expires_at=now))


def check_fence(connection: Connection, fence: tuple[str, int] | None) -> None:
    """Raise `Conflict` when the token is no longer the lease's. The row stays locked to the end of the transaction."""
    if fence is None:
        return
    name, token = fence
    held = connection.execute(
        sa.select(LEASES.c.token).where(LEASES.c.name == name).with_for_update(read=True)
    ).scalar_one_or_none()
    if held != token:
        raise Conflict(f"租约 {name} 已由别的进程接管(令牌 {token},现为 {held});本次写入已取消", lease=name)
