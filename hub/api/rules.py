"""The rules: what is in force, every version, checking and trying an edit, putting it in force, going back."""

import asyncio
from collections.abc import Callable
from typing import Any

import redis
from fastapi import APIRouter, Depends, Request

from alerts.rule_text import changes_between, check_text, switched, unified
from alerts.rule_words import rule_plain
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, bounded, identity_of, object_body, require
from hub.engine import engines_alive
from hub.rule_versions import RuleVersion

NONE = {"day": 0, "week": 0, "drill_day": 0, "drill_week": 0}


def router(hub: Hub) -> APIRouter:
    """`/api/v1/rules…`"""
    api = APIRouter(prefix="/api/v1/rules", tags=["rules"])
    may_see, may_edit = [Depends(require("see-city"))], [Depends(require("rules"))]
    book, clock = hub.services.rules, hub.services.clock
    works = asyncio.Semaphore(2)  # texts worked on at once: reading a large one takes a core

    async def work(act: Callable[..., Any], *values: Any) -> Any:
        async with works:
            return await asyncio.to_thread(act, *values)

    @api.get("", dependencies=may_see)
    def in_force(request: Request) -> Json:
        """The rules in force as data, their version, what each fired lately, and what is wrong with the file."""
        held = book.in_force()
        fired = hub.services.rule_activity(clock())
        rules = [rule_plain(rule) | {"fired": fired.get(rule.id, NONE)} for rule in held[1].rules] if held else []
        return Json(
            {
                **state(hub, held[0] if held else None),
                "may_edit": identity_of(request).may("rules"),
                "exercise": hub.services.exercise(),
                "rules": rules,
            }
        )

    @api.get("/state", dependencies=may_see)
    def now_in_force() -> Json:
        """The version in force, the one the engine goes by, and what is wrong: small enough to be asked often."""
        held = book.in_force()
        return Json(state(hub, held[0] if held else None))

    @api.get("/text", dependencies=may_see)
    def text() -> Json:
        """The text in force with its version."""
        held = book.in_force()
        return Json(told(held[0]) if held else {"no": 0, "text": ""})

    @api.get("/versions", dependencies=may_see)
    def versions(limit: int = 50, before: int | None = None) -> Json:
        """Versions, newest first, without their texts."""
        bounded(limit, 1, 200, "limit")
        bounded(before or 1, 1, 2**31 - 1, "before")
        items = [one.plain() for one in book.versions.latest(limit, before)]
        return Json({"items": items, "next": items[-1]["no"] if len(items) == limit else None})

    @api.get("/versions/{no}", dependencies=may_see)
    async def version(no: int) -> Json:
        """One version with its text, the unified diff to the one before it, and what it changed rule by rule."""
        one = await asyncio.to_thread(book.version, no)
        before = await asyncio.to_thread(book.versions.before, no)
        return Json(told(one) | await work(compared, before.text if before else "", one.text, before, f"第 {no} 版"))

    @api.post("/check", dependencies=may_edit)
    async def check(request: Request) -> Json:
        """What is wrong with `text`, line by line, and what it changes against the version in force. Stores nothing."""
        given = text_of(await object_body(request))
        held = await asyncio.to_thread(book.in_force)
        return Json(await work(checked, given, held[0] if held else None))

    @api.post("/try", dependencies=may_edit)
    async def tried(request: Request) -> Json:
        """What `text` would have done in the last `hours`, rule by rule, beside the rules in force. Stores nothing."""
        body = await object_body(request)
        ids, drill = body.get("rule_ids"), body.get("drill", False)
        if ids is not None and not (isinstance(ids, list) and all(isinstance(one, str) for one in ids)):
            raise BadInput("rule_ids 应为规则编号的列表")
        if not isinstance(drill, bool):
            raise BadInput("drill 应为 true 或 false")
        hours = number_of(body, "hours", "小时数")
        return Json(await work(hub.services.rule_trials, text_of(body), ids, hours, drill))

    @api.post("/switched", dependencies=may_edit)
    async def switch(request: Request) -> Json:
        """`text` with the rule `rule_id` switched on or off and every other character kept. Stores nothing."""
        body = await object_body(request)
        rule_id, enabled = body.get("rule_id"), body.get("enabled")
        if not isinstance(rule_id, str) or not isinstance(enabled, bool):
            raise BadInput("rule_id 应为规则编号,enabled 应为 true 或 false")
        return Json({"text": await work(switched, text_of(body), rule_id, enabled)})

    @api.post("", dependencies=may_edit)
    async def save(request: Request) -> Json:
        """Put `text` in force, made from version `base`, because of `why`. 409 names who put what in force since."""
        body = await object_body(request)
        who = identity_of(request).username
        saved = await work(book.save, text_of(body), number_of(body, "base"), why_of(body), who, clock())
        return Json(saved.plain())

    @api.post("/restore", dependencies=may_edit)
    async def restore(request: Request) -> Json:
        """Put version `no` in force again, as a version of its own."""
        body = await object_body(request)
        base = number_of(body, "base") if "base" in body else None
        who = identity_of(request).username
        saved = await work(book.restore, number_of(body, "no"), base, why_of(body), who, clock())
        return Json(saved.plain())

    return api


def state(hub: Hub, held: RuleVersion | None) -> dict[str, Any]:
    """What is in force and what goes by it. `engine` None: no engine leads, or the bus is away."""
    try:
        engines = engines_alive(hub.bus.client, hub.services.clock())
    except redis.RedisError:
        engines = []
    leader = next((said for said in engines if said["figures"].get("leading")), None)
    said = leader or next(iter(engines), None)
    problem = str(said.get("rules_problem", "")) if said else hub.services.rules.look_at_file(take=False)
    engine = leader.get("rules_version") if leader else None
    return {"version": held.plain() if held else None, "engine": engine, "problem": problem}


def told(version: RuleVersion) -> dict[str, Any]:
    return version.plain() | {"text": version.text}


def checked(text: str, held: RuleVersion | None) -> dict[str, Any]:
    """Problems, or what the text changes."""
    rules, problems = check_text(text)
    listed = [{"line": one.line, "what": one.what} for one in problems]
    if rules is None:
        return {"problems": listed, "rules": 0, "active": 0, "changes": [], "diff": []}
    counts = {"problems": [], "rules": len(rules.rules), "active": len(rules.active)}
    return counts | compared(held.text if held else "", text, held, "修改后")


def compared(old: str, new: str, before: RuleVersion | None, after: str) -> dict[str, Any]:
    """The diff of two texts and, where both can be read, what it means rule by rule."""
    was, _ = check_text(old)
    now, _ = check_text(new)
    found = changes_between(was.rules if was else (), now.rules) if now else []
    changes = [{"rule_id": one.rule_id, "title": one.title, "what": one.what} for one in found]
    name = f"第 {before.no} 版" if before else "空"
    return {"changes": changes, "diff": unified(old, new, name, after)}


def text_of(body: dict[str, Any]) -> str:
    text = body.get("text")
    if not isinstance(text, str):
        raise BadInput("text 应为规则的全文")
    return text


def why_of(body: dict[str, Any]) -> str:
    why = body.get("why", "")
    if not isinstance(why, str):
        raise BadInput("why 应为一行文字")
    return why


def number_of(body: dict[str, Any], name: str, what: str = "版本号") -> int:
    number = body.get(name)
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadInput(f"{name} 应为{what}")
    return number
