"""Which role may do what. One table, asked by the API, the pages and the screens' callbacks."""

from dataclasses import dataclass

from geodata.errors import Forbidden

ROLES = {
    "admin": "系统管理员",
    "duty": "值班员",
    "dispatcher": "调度员",
    "leader": "值班领导",
    "field": "现场人员",
    "service": "数据接入",
}

RIGHTS: dict[str, frozenset[str]] = {
    "see": frozenset({"admin", "duty", "dispatcher", "leader", "field"}),
    "see-city": frozenset({"admin", "duty", "dispatcher", "leader"}),
    "acknowledge": frozenset({"admin", "duty", "dispatcher"}),
    "silence": frozenset({"admin", "duty", "dispatcher"}),
    "call": frozenset({"admin", "duty", "dispatcher"}),
    "sign": frozenset({"admin", "leader"}),
    "ingest": frozenset({"admin", "service"}),
    "warn": frozenset({"admin", "service", "duty"}),
    "rejects": frozenset({"admin", "service", "duty"}),
    "rules": frozenset({"admin", "duty"}),
    "audit": frozenset({"admin"}),
    "field": frozenset({"admin", "duty", "dispatcher", "leader", "field"}),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is signed in. `token_hash` names the sign-in, never the token itself."""

    username: str
    name: str
    role: str
    token_hash: str
    kind: str  # cookie | api

    def may(self, right: str) -> bool:
        return self.role in RIGHTS[right]

    def require(self, right: str) -> None:
        """Raise `Forbidden`, saying which role this is, when it has not the right."""
        if not self.may(right):
            raise Forbidden(f"当前身份「{ROLES.get(self.role, self.role)}」没有此项权限({right})")
