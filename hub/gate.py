"""The one door: size limit, sign-in, same-origin rule for writes with a cookie, and the security headers."""

from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from geodata.clock import utc_now
from geodata.errors import TooLarge
from hub.auth import Auth
from hub.errors import problem
from hub.rights import Identity

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

COOKIE = "city_session"
OPEN = ("/healthz", "/readyz", "/metrics", "/login", "/api/v1/token", "/r/", "/static/")
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
PAGES = ("/desk", "/wall", "/brief", "/load", "/rules", "/incident", "/feeds")
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(self), camera=(self), microphone=()"),
]
POLICY = (
    "default-src 'self'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)


def is_open(path: str) -> bool:
    return any(path == entry or (entry.endswith("/") and path.startswith(entry)) for entry in OPEN)


class Gate:
    """ASGI middleware. `scope["citybrain.user"]` is the `Identity` for everything behind it."""

    def __init__(
        self, app: Any, auth: Auth, max_bytes: int, script_hashes: dict[str, list[str]], upload_bytes: int = 0
    ) -> None:
        self.app, self.auth, self.max_bytes, self.upload_bytes = app, auth, max_bytes, upload_bytes
        self.policies = {
            path: POLICY.format(hashes="".join(f" {value}" for value in hashes)).encode()
            for path, hashes in script_hashes.items()
        }
        self.policy = POLICY.format(hashes="").encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        send = self._with_headers(scope["path"], send)
        identity = await self._identify(request)
        scope["citybrain.user"] = identity
        refusal = self._refuse(request, identity)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self.app(scope, self._limited(receive, self._most(request.url.path)), send)

    async def _identify(self, request: Request) -> Identity | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        now = utc_now()
        if scheme.lower() == "bearer" and token:
            return self.auth.identify(token.strip(), "api", now)
        try:
            cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return self.auth.identify(cookie.value, "cookie", now) if cookie else None

    def _refuse(self, request: Request, identity: Identity | None) -> Response | None:
        path = request.url.path
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._most(path):
            return self._too_large(self._most(path))
        if "\x00" in path or b"%00" in request.scope.get("query_string", b""):  # no name and no text has one
            return problem("not-found" if "\x00" in path else "bad-input", "地址里有 NUL 字符,没有这样的编号或条件")
        if is_open(path):
            return None
        if identity is None:
            if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
                target = path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/login?next={quote(target)}", 303)
            return problem("not-signed-in", "没有登录或登录已失效;请登录,或带上 Authorization: Bearer 令牌")
        if identity.kind == "cookie" and request.method not in SAFE_METHODS and not self._same_origin(request):
            return problem("forbidden", "请求不是从本系统页面发出的,已拒绝")
        if path.startswith(PAGES) and not identity.may("see-city"):
            return RedirectResponse("/field", 303) if request.method == "GET" else problem("forbidden", "没有权限")
        return None

    @staticmethod
    def _same_origin(request: Request) -> bool:
        origin = request.headers.get("origin")
        if origin:
            return urlsplit(origin).netloc == request.headers.get("host")
        return request.headers.get("sec-fetch-site") == "same-origin"

    def _most(self, path: str) -> int:
        """Largest body: an attachment may be larger than a batch of data."""
        is_upload = path.startswith("/api/v1/incidents/") and path.endswith("/files")
        return max(self.max_bytes, self.upload_bytes) if is_upload else self.max_bytes

    def _too_large(self, most: int) -> Response:
        return problem("too-large", self._limit_words(most))

    @staticmethod
    def _limit_words(most: int) -> str:
        return f"请求体超过上限 {most // 1_000_000} MB,请分批发送"

    def _limited(self, receive: Receive, most: int) -> Receive:
        taken = 0

        async def limited() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise TooLarge(self._limit_words(most))
            return message

        return limited

    def _with_headers(self, path: str, send: Send) -> Send:
        first = path.split("/", 2)[1] if path.startswith("/") else ""
        policy = self.policies.get(first, self.policy)

        async def wrapped(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS, (b"content-security-policy", policy)]
            await send(message)

        return wrapped
