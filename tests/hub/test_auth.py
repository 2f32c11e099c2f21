"""Accounts, tokens, lock-out, and the audit chain."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from geodata.errors import BadInput, Forbidden
from hub.audit import Audited, AuditLog
from hub.auth import LOCK_AFTER, LOCK_FOR, Auth, hash_of
from hub.database import Database
from hub.rights import RIGHTS, ROLES, Identity
from hub.tables.hub import AUDIT, SESSIONS

NOW = datetime(2026, 8, 1, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def auth(database: Database) -> Auth:
    made = Auth(database, session_hours=12)
    made.put_user("duty", "值班员", "duty", "long-enough")
    return made


def test_a_token_works_until_it_expires_and_only_its_hash_is_kept(auth: Auth, database: Database) -> None:
    token, identity = auth.sign_in("duty", "long-enough", "api", NOW)
    assert identity == Identity("duty", "值班员", "duty", hash_of(token), "api")
    assert auth.identify(token, "api", NOW) == identity
    assert auth.identify(token, "cookie", NOW) is None, "a token of one kind is not one of the other"
    with database.read() as connection:
        assert token not in str(connection.execute(sa.select(SESSIONS)).all())
    assert Auth(database, 12).identify(token, "api", NOW + timedelta(hours=12)) is None


def test_signing_out_ends_it_at_once(auth: Auth) -> None:
    token, identity = auth.sign_in("duty", "long-enough", "cookie", NOW)
    auth.sign_out(identity.token_hash, NOW)
    assert auth.identify(token, "cookie", NOW) is None


def test_five_failures_lock_the_account_and_all_refusals_read_alike(auth: Auth) -> None:
    said = set()
    for _ in range(LOCK_AFTER):
        with pytest.raises(Forbidden) as refused:
            auth.sign_in("duty", "wrong", "api", NOW)
        said.add(str(refused.value))
    for name, password in (("duty", "long-enough"), ("nobody", "x")):
        with pytest.raises(Forbidden) as refused:
            auth.sign_in(name, password, "api", NOW + SECOND)
        said.add(str(refused.value))
    assert len(said) == 1
    assert auth.sign_in("duty", "long-enough", "api", NOW + LOCK_FOR + SECOND)


def test_a_new_password_ends_old_sign_ins(auth: Auth, database: Database) -> None:
    token, _ = auth.sign_in("duty", "long-enough", "api", NOW)
    auth.put_user("duty", "值班员", "duty", "another-one")
    assert Auth(database, 12).identify(token, "api", NOW) is None


@pytest.mark.parametrize(("role", "password"), [("king", "long-enough"), ("duty", "short")])
def test_bad_accounts(auth: Auth, role: str, password: str) -> None:
    with pytest.raises(BadInput):
        auth.put_user("x", "x", role, password)


def test_every_role_has_some_right_and_every_right_some_role() -> None:
    assert set().union(*RIGHTS.values()) == set(ROLES)


class Desk:
    def press(self, thing: str, who: str, now: datetime) -> str:
        if thing == "broken":
            raise BadInput("不行")
        return thing

    def look(self) -> int:
        return 7


def test_the_audit_chain_names_the_first_row_that_was_touched(database: Database) -> None:
    log = AuditLog(database)
    desk = Audited(Desk(), log, {"press": "desk.press"})
    for number in range(5):
        assert desk.press(f"thing-{number}", "duty", now=NOW) == f"thing-{number}"
    assert desk.look() == 7
    with pytest.raises(BadInput):
        desk.press("broken", "duty", now=NOW)
    assert [row["object"] for row in log.latest()] == [f"thing-{number}" for number in (4, 3, 2, 1, 0)]
    assert log.verify() is None
    with database.write() as connection:
        connection.execute(AUDIT.update().where(AUDIT.c.seq == 3).values(who="somebody-else"))
    assert log.verify() == 3
    with database.write() as connection:
        connection.execute(AUDIT.delete().where(AUDIT.c.seq == 3))
    assert log.verify() == 4
