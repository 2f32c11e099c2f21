"""Fetching from one configured host: every address checked before it is connected to, bounded in bytes and time."""

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from geodata.errors import BadInput, NotConfigured

REDIRECTS_MAX = 3
_MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Fetched:
    """`body` is empty for 304 (nothing new). Header names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Fetcher:
    """GET and nothing else. `refuse_url` and `refuse_ip` say why not, or "".

    The name is looked up here and the connection made to the very address that was checked; redirects are checked as
    if they had been asked for. Raises `BadInput` for what is refused or answered wrongly, `httpx.HTTPError` for what
    may pass (no connection, 5xx).
    """

    def __init__(
        self, refuse_url: Callable[[str], str], refuse_ip: Callable[[str], str], timeout_s: float,
        auth: tuple[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.refuse_url, self.refuse_ip, self.timeout_s, self.auth = refuse_url, refuse_ip, timeout_s, auth
        limits = httpx.Timeout(min(timeout_s, 10.0))
        self.client = httpx.Client(timeout=limits, trust_env=False, follow_redirects=False)

    def get(self, url: str, max_bytes: int, headers: Mapping[str, str] | None = None) -> Fetched:
        deadline, home = time.monotonic() + self.timeout_s, urlsplit(url).netloc
        for _ in range(REDIRECTS_MAX + 1):
            refused = self.refuse_url(url)
            if refused:
                raise BadInput(refused)
            auth = self.auth if urlsplit(url).netloc == home else None
            answer = self._once(url, max_bytes, dict(headers or {}), auth, deadline)
            if answer.status not in _MOVED:
                return answer
            url = urljoin(url, answer.headers.get("location", ""))
        raise BadInput(f"转向超过 {REDIRECTS_MAX} 次:{url[:200]}")

    def _once(
        self, url: str, max_bytes: int, headers: dict[str, str], auth: tuple[str, str] | None, deadline: float
    ) -> Fetched:
        parts = urlsplit(url)
        host = parts.hostname or ""
        address = self._address(host, parts.port or (443 if parts.scheme == "https" else 80))
        there = httpx.URL(url).copy_with(host=address)
        headers |= {"Host": parts.netloc.rpartition("@")[2], "Accept-Encoding": "identity"}
        request = self.client.build_request("GET", there, headers=headers, extensions={"sni_hostname": host})
        answer = self.client.send(request, stream=True, auth=auth)
        try:
            if answer.status_code in _MOVED or answer.status_code == 304:
                return Fetched(answer.status_code, b"", dict(answer.headers))
            if answer.status_code >= 500 or answer.status_code == 429:
                raise httpx.HTTPStatusError(f"对方答 {answer.status_code}", request=request, response=answer)
            if answer.status_code != 200:
                raise BadInput(f"对方答 {answer.status_code}:{url[:200]}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise BadInput(f"对方发来压缩内容,没有要求过:{url[:200]}")
            return Fetched(200, self._body(answer, max_bytes, url, deadline), dict(answer.headers))
        finally:
            answer.close()

    def _body(self, answer: httpx.Response, max_bytes: int, url: str, deadline: float) -> bytes:
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > max_bytes:
                raise BadInput(f"超过 {max_bytes:,} 字节,没有收完:{url[:200]}")
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"{self.timeout_s:g} 秒内没有收完:{url[:200]}")
        return bytes(body)

    def _address(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as problem:
            raise httpx.ConnectError(f"主机名 {host} 查不到:{problem}") from None
        addresses = [str(one[4][0]) for one in found]
        for address in addresses:  # all of them: a name with one good and one bad address is not to be trusted
            refused = self.refuse_ip(address)
            if refused:
                raise NotConfigured(f"不连接 {host}:{refused}")
        return addresses[0]

    def close(self) -> None:
        self.client.close()
