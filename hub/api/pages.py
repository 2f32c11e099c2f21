"""Sign-in, sign-out, where `/` leads, and the page behind a receipt link. Plain HTML: they work without scripts."""

import asyncio
from html import escape
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dispatch.model import to_plain
from geodata.errors import BadInput, Conflict, Forbidden, NotFound
from hub.api.deps import Hub, Json, identity_of, object_body, require
from hub.errors import TABLE
from hub.gate import COOKIE

PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/tokens.css"><link rel="stylesheet" href="/static/plain.css"></head>
<body class="plain-page"><main class="plain-card">{body}</main></body></html>"""
ACTIONS = (("confirmed", "确认收到"), ("en_route", "已出发"), ("on_site", "已到达"))
STATE_WORDS = {"confirmed": "已确认", "en_route": "已出发", "on_site": "已到达", "escalated": "已升级到副职"}


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(PAGE.format(title=escape(title), body=body), status, headers={"Cache-Control": "no-store"})


def _login_form(city: str, target: str, trouble: str = "") -> str:
    note = f'<p class="plain-trouble" role="alert">{escape(trouble)}</p>' if trouble else ""
    return f"""<h1>{escape(city)}城市运行与应急指挥</h1>{note}
<form method="post" action="/login"><input type="hidden" name="next" value="{escape(target)}">
<label>用户名<input name="username" autocomplete="username" autofocus required></label>
<label>口令<input name="password" type="password" autocomplete="current-password" required></label>
<button type="submit">登录</button></form>"""


def _target(text: str) -> str:
    """Only a path on this server: a link must not carry a person elsewhere after signing in."""
    parts = urlsplit(text)
    safe = not parts.scheme and not parts.netloc and text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if safe else "/"


def router(hub: Hub) -> APIRouter:
    api = APIRouter(include_in_schema=False)
    services, clock = hub.services, hub.services.clock

    @api.get("/login")
    async def login_page(request: Request) -> Response:
        target = _target(request.query_params.get("next", "/"))
        return page("登录", _login_form(services.city_name, target))

    @api.post("/login")
    async def login(request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host"):
            raise Forbidden("请求不是从本系统页面发出的,已拒绝")
        form = await request.form()
        target = _target(str(form.get("next", "/")))
        try:
            token, identity = await asyncio.to_thread(
                hub.auth.sign_in, str(form.get("username", "")), str(form.get("password", "")), "cookie", clock()
            )
        except Forbidden as refused:
            return page("登录", _login_form(services.city_name, target, str(refused)), 403)
        hub.audit.record(identity.username, "sign-in", identity.username, {"kind": "cookie"}, clock())
        response = RedirectResponse(target, 303)
        response.set_cookie(
            COOKIE, token, max_age=hub.settings.session_hours * 3600, httponly=True, samesite="lax",
            secure=hub.settings.base_url.startswith("https"),
        )  # fmt: skip
        return response

    @api.post("/logout")
    async def logout(request: Request) -> Response:
        identity = identity_of(request)
        await asyncio.to_thread(hub.auth.sign_out, identity.token_hash, clock())
        hub.audit.record(identity.username, "sign-out", identity.username, {}, clock())
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    @api.get("/")
    async def home(request: Request) -> Response:
        """Field people and phones go to `/field`, everybody else to `/desk`."""
        mobile = "Mobi" in request.headers.get("user-agent", "")
        return RedirectResponse("/field" if mobile or identity_of(request).role == "field" else "/desk", 303)

    @api.get("/r/{token}")
    def receipt(token: str) -> Response:
        return _answered(lambda: services.dispatch.receipt(token), token)

    @api.post("/r/{token}")
    async def answer(token: str, request: Request) -> Response:
        form = await request.form()
        action = str(form.get("action", ""))
        if action not in dict(ACTIONS):
            raise BadInput(f"action 应为 {'、'.join(name for name, _ in ACTIONS)}")

        def act() -> Any:
            services.dispatch.answer_receipt(token, action, clock(), "link")
            return services.dispatch.receipt(token)

        return await asyncio.to_thread(_answered, act, token)

    return api


def _answered(view_of: Any, token: str) -> Response:
    try:
        view = to_plain(view_of())
    except (NotFound, Conflict) as trouble:
        return page("回执", f"<h1>链接不可用</h1><p>{escape(str(trouble))}</p>", TABLE[trouble.code][0])
    state = STATE_WORDS.get(str(view.get("state")), "待确认")
    mark = '<p class="plain-exercise">演练</p>' if view.get("exercise") else ""
    buttons = "".join(
        f'<button name="action" value="{name}" class="plain-{name}">{word}</button>' for name, word in ACTIONS
    )
    body = (
        f"{mark}<h1>{escape(str(view.get('title', '')))}</h1><p>{escape(str(view.get('text', '')))}</p>"
        f"<p>{escape(str(view.get('name', '')))} · 当前状态:<strong>{escape(state)}</strong></p>"
        f'<form method="post" action="/r/{escape(token)}">{buttons}</form>'
    )
    return page("回执", body)


def token_router(hub: Hub) -> APIRouter:
    """`POST /api/v1/token` and who-am-I."""
    api = APIRouter(prefix="/api/v1", tags=["sign-in"])

    @api.post("/token")
    async def token(request: Request) -> Json:
        """`{"username","password"}` → `{"access_token"}`; send it as `Authorization: Bearer`."""
        body = await object_body(request)
        name, password = body.get("username"), body.get("password")
        if not isinstance(name, str) or not isinstance(password, str):
            raise BadInput("需要 username 与 password 两个字符串")
        made, identity = await asyncio.to_thread(hub.auth.sign_in, name, password, "api", hub.services.clock())
        hub.audit.record(identity.username, "sign-in", identity.username, {"kind": "api"}, hub.services.clock())
        lifetime = hub.settings.session_hours * 3600
        return Json({"access_token": made, "token_type": "bearer", "expires_in": lifetime})

    @api.get("/me", dependencies=[Depends(require("see"))])
    async def me(request: Request) -> Json:
        identity = identity_of(request)
        return Json({"username": identity.username, "name": identity.name, "role": identity.role})

    return api
