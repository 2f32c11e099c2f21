"""Local accounts: argon2 passwords, lock-out after five failures, random tokens of which only the hash is kept."""

import hashlib
import secrets
import threading
import time
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from geodata.errors import BadInput, Forbidden, NotFound
from hub.database import Database
from hub.rights import ROLES, Identity
from hub.tables.hub import SESSIONS, USERS

LOCK_AFTER = 5
LOCK_FOR = timedelta(minutes=15)
MIN_PASSWORD = 8
_CACHE_S = 2.0
_REFUSED = "用户名或口令不正确,或账号已锁定(连续 5 次失败锁定 15 分钟)"


def hash_of(token: str) -> str:
    """SHA-256 of a token, in hex: tokens are 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Auth:
    """Accounts and sign-ins of one database. Checked sign-ins are remembered for two seconds a process."""

    def __init__(self, database: Database, session_hours: int) -> None:
        self.database = database
        self.lifetime = timedelta(hours=session_hours)
        self._hasher = PasswordHasher()
        self._decoy = self._hasher.hash(secrets.token_hex(8))
        self._cache: dict[str, tuple[float, Identity | None]] = {}
        self._lock = threading.Lock()

    def put_user(self, username: str, name: str, role: str, password: str) -> None:
        """Make an account, or give it a new name, role and password, and end its sign-ins."""
        if role not in ROLES:
            raise BadInput(f"没有角色 {role!r};可用:{'、'.join(ROLES)}")
        if len(password) < MIN_PASSWORD:
            raise BadInput(f"口令至少 {MIN_PASSWORD} 个字符")
        values = {"name": name, "role": role, "password_hash": self._hasher.hash(password), "disabled": False,
                  "failures": 0, "locked_until": None}  # fmt: skip
        with self.database.write() as connection:
            statement = self.database.insert(USERS).values(username=username, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["username"], set_=values))
            connection.execute(SESSIONS.delete().where(SESSIONS.c.username == username))

    def has_user(self, username: str) -> bool:
        with self.database.read() as connection:
            return connection.execute(sa.select(USERS.c.role).where(USERS.c.username == username)).first() is not None

    def ensure_service(self, username: str, name: str, role: str) -> None:
        """An account nobody can sign in to with a password: for tokens that this machine issues to itself."""
        if not self.has_user(username):
            self.put_user(username, name, role, secrets.token_urlsafe(32))

    def sign_in(self, username: str, password: str, kind: str, now: datetime) -> tuple[str, Identity]:
        """A new token. Wrong name, wrong password and a locked account read alike: `Forbidden`."""
        with self.database.read() as connection:
            user = connection.execute(sa.select(USERS).where(USERS.c.username == username)).one_or_none()
        if user is None or user.disabled or (user.locked_until is not None and user.locked_until > now):
            self._matches(self._decoy, password)  # takes as long as a real check
            raise Forbidden(_REFUSED)
        if not self._matches(user.password_hash, password):
            self._count_failure(username, now)
            raise Forbidden(_REFUSED)
        return self.issue(username, kind, now, self.lifetime)

    def issue(self, username: str, kind: str, now: datetime, lifetime: timedelta) -> tuple[str, Identity]:
        """A token for an account, without a password: for the server's own parts and the command line."""
        token = secrets.token_urlsafe(32)
        with self.database.write() as connection:
            user = connection.execute(sa.select(USERS).where(USERS.c.username == username)).one_or_none()
            if user is None:
                raise NotFound(f"没有账号 {username!r}")
            connection.execute(USERS.update().where(USERS.c.username == username).values(failures=0, locked_until=None))
            connection.execute(SESSIONS.delete().where(SESSIONS.c.expires_at < now))
            connection.execute(
                SESSIONS.insert().values(token_hash=hash_of(token), username=username, kind=kind, created_at=now,
                                         expires_at=now + lifetime)
            )  # fmt: skip
        return token, Identity(username, user.name, user.role, hash_of(token), kind)

    def identify(self, token: str, kind: str, now: datetime) -> Identity | None:
        """Who this token belongs to; None when it is unknown, of another kind, expired or revoked."""
        return self.identify_hash(hash_of(token), kind, now)

    def identify_hash(self, token_hash: str, kind: str, now: datetime) -> Identity | None:
        with self._lock:
            seen = self._cache.get(token_hash)
        if seen is None or time.monotonic() - seen[0] > _CACHE_S:
            seen = (time.monotonic(), self._load(token_hash, now))
            with self._lock:
                if len(self._cache) > 10_000:
                    self._cache.clear()
                self._cache[token_hash] = seen
        identity = seen[1]
        return identity if identity is not None and identity.kind == kind else None

    def sign_out(self, token_hash: str, now: datetime) -> None:
        with self.database.write() as connection:
            connection.execute(SESSIONS.update().where(SESSIONS.c.token_hash == token_hash).values(revoked_at=now))
        with self._lock:
            self._cache.pop(token_hash, None)

    def _load(self, token_hash: str, now: datetime) -> Identity | None:
        query = (
            sa.select(USERS.c.username, USERS.c.name, USERS.c.role, SESSIONS.c.kind)
            .join(SESSIONS, SESSIONS.c.username == USERS.c.username)
            .where(SESSIONS.c.token_hash == token_hash, SESSIONS.c.expires_at > now,
                   SESSIONS.c.revoked_at.is_(None), USERS.c.disabled.is_(False))
        )  # fmt: skip
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Identity(row.username, row.name, row.role, token_hash, row.kind)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    def _count_failure(self, username: str, now: datetime) -> None:
        with self.database.write() as connection:
            failures = connection.execute(sa.select(USERS.c.failures).where(USERS.c.username == username)).scalar_one()
            locked = now + LOCK_FOR if failures + 1 >= LOCK_AFTER else None
            connection.execute(
                USERS.update().where(USERS.c.username == username)
                .values(failures=0 if locked else failures + 1, locked_until=locked)
            )  # fmt: skip
