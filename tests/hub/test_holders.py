"""Whether a lease's holder is gone: only what is certain counts."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from hub.database import Database
from hub.holders import is_gone, own_name
from hub.lease import Leases

NOW = datetime(2026, 8, 1, tzinfo=UTC)


def a_dead_holder() -> str:
    words = "from hub.holders import own_name; print(own_name())"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_only_a_dead_process_of_this_machine_is_gone() -> None:
    mine = own_name()
    assert not is_gone(mine)
    assert is_gone(a_dead_holder())
    assert is_gone(mine.rsplit("-", 1)[0] + "-1"), "the same id, another process"
    host, _, pid, started = mine.rsplit("-", 3)
    assert not is_gone(f"{host}-0123456789-{pid}-{started}"), "another machine's: nobody here can know"
    for odd in ("", "engine", "a-b-c-d", "host-1"):
        assert not is_gone(odd)


def test_the_lease_of_the_dead_is_free_and_fenced(database: Database) -> None:
    leases, dead = Leases(database), a_dead_holder()
    token = leases.acquire("rules", dead, NOW, 60)
    assert token is not None
    assert leases.acquire("rules", "next", NOW, 60) is None
    assert leases.release_gone("rules", is_gone, NOW)
    fresh = leases.acquire("rules", own_name(), NOW + timedelta(milliseconds=1), 60)
    assert fresh is not None
    assert fresh > token
    assert not leases.renew("rules", token, NOW, 60)
    assert not leases.release_gone("rules", is_gone, NOW)
