"""Warnings fetched from a CAP feed: Atom or RSS to entries, what is new, in which order, what came too late. Pure."""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element, tostring

import defusedxml.ElementTree as safe_xml
from defusedxml.common import DefusedXmlException

from alerts.cap import CapMessage
from alerts.cap_read import CAP_NS, CHINA_NS
from alerts.feeds.model import Feed
from alerts.feeds.nodes import FeedNode
from geodata.errors import BadInput

ATOM = "http://www.w3.org/2005/Atom"
INDEX_MAX_BYTES = 10_000_000
ENTRIES_MAX = 2_000
KEPT = 5_000
_CAP_TYPES = ("application/cap+xml", "application/xml", "text/xml")
_ORDER = {"Alert": 0, "Update": 1, "Cancel": 2}


@dataclass(frozen=True, slots=True)
class CapPollSpec:
    """`url` is looked at every `every_s`. Documents come from its host only (and `hosts`, named one by one); a host
    that is this machine itself or a link-local address (cloud metadata) only with `allow_local`."""

    url: str
    every_s: float = 60.0
    timeout_s: float = 20.0
    max_bytes: int = 1_000_000
    hosts: tuple[str, ...] = ()
    allow_local: bool = False
    username: str = ""
    password_env: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One warning of the index: `key` names it, `mark` changes when it does; its document stands here or at `url`."""

    key: str
    mark: str
    url: str = ""
    document: bytes = b""


@dataclass(frozen=True, slots=True)
class Memory:
    """What must be remembered between two looks. `cancelled`: "sender,identifier" → when the Cancel of it was sent. If
    the message or an update of it comes only after its Cancel, it has nothing more to say."""

    etag: str = ""
    modified: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    cancelled: Mapping[str, str] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        return {
            "etag": self.etag, "modified": self.modified, "seen": dict(self.seen),
            "cancelled": dict(self.cancelled),
        }  # fmt: skip


def memory_of(plain: Mapping[str, Any] | None) -> Memory:
    """The memory that `to_plain` was given; an empty one for none."""
    if not plain:
        return Memory()
    return Memory(plain["etag"], plain["modified"], dict(plain["seen"]), dict(plain["cancelled"]))


def read_index(body: bytes, url: str) -> list[Entry]:
    """The entries of an Atom or RSS 2.0 feed, or the one CAP document that stands at the address itself.

    Raises `BadInput` when it is none of these. At most 2000 entries are read, in the feed's order (newest first by
    custom)."""
    try:
        root: Element = safe_xml.fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadInput("索引不得含有 DTD 或实体声明;没有读取") from error
    except (safe_xml.ParseError, ValueError, LookupError) as error:
        raise BadInput(f"索引不是合法的 XML:{error}") from error
    if root.tag in (f"{{{CAP_NS}}}alert", f"{{{CHINA_NS}}}alert"):
        return [Entry(url, _digest(body), url, body)]
    if root.tag == f"{{{ATOM}}}feed":
        return [_atom_entry(one, url) for one in root.findall(f"{{{ATOM}}}entry")[:ENTRIES_MAX]]
    if root.tag == "rss":
        return [_rss_entry(one, url) for one in root.findall("channel/item")[:ENTRIES_MAX]]
    raise BadInput(f"索引既不是 Atom 或 RSS,也不是 CAP 报文:{root.tag[:120]}")


def _atom_entry(entry: Element, base: str) -> Entry:
    document, links = _inline(entry.find(f"{{{ATOM}}}content")), entry.findall(f"{{{ATOM}}}link")
    source = entry.find(f"{{{ATOM}}}content")
    href = source.get("src", "") if source is not None else ""
    href = href or next((one.get("href", "") for kind in _CAP_TYPES for one in links if one.get("type") == kind), "")
    href = href or next((one.get("href", "") for one in links if one.get("rel") in (None, "alternate")), "")
    key = (entry.findtext(f"{{{ATOM}}}id") or "").strip() or href
    mark = (entry.findtext(f"{{{ATOM}}}updated") or "").strip()
    return _entry(key, mark, href, document, base)


def _rss_entry(item: Element, base: str) -> Entry:
    enclosure = item.find("enclosure")
    href = (item.findtext("link") or "").strip() or (enclosure.get("url", "") if enclosure is not None else "")
    return _entry(
        (item.findtext("guid") or "").strip() or href, (item.findtext("pubDate") or "").strip(), href, b"", base
    )


def _entry(key: str, mark: str, href: str, document: bytes, base: str) -> Entry:
    digest = _digest(document) if document else ""
    url = urljoin(base, href.strip()) if href else ""
    return Entry((key or url or digest)[:500], (mark + digest)[:200] or url[:200], url, document)


def _inline(content: Element | None) -> bytes:
    """A CAP document within the entry, as elements or as escaped text; empty when there is none."""
    if content is None:
        return b""
    for child in content:
        if child.tag in (f"{{{CAP_NS}}}alert", f"{{{CHINA_NS}}}alert"):
            return tostring(child, encoding="utf-8")
    text = (content.text or "").strip()
    return text.encode() if text.startswith("<") and "alert" in text[:500] else b""


def unseen(entries: Iterable[Entry], memory: Memory) -> list[Entry]:
    """Those that are new or have changed, each once."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if memory.seen.get(entry.key) != entry.mark:
            found.setdefault(entry.key, entry)
    return list(found.values())


def in_order(messages: Sequence[tuple[Entry, CapMessage]]) -> list[tuple[Entry, CapMessage]]:
    """By the time they were sent, an Alert before the Update and the Cancel of the same second."""
    return sorted(messages, key=lambda one: (one[1].sent, _ORDER.get(one[1].msg_type, 3), one[1].identifier))


def is_late(message: CapMessage, memory: Memory) -> bool:
    """Whether a Cancel sent later was taken already: the message would only bring back what is over."""
    names = [(message.sender, message.identifier), *message.references]
    ends = [memory.cancelled.get(f"{sender},{name}") for sender, name in names if sender == message.sender]
    return message.msg_type != "Cancel" and any(end and message.sent <= datetime.fromisoformat(end) for end in ends)


def remembering(memory: Memory, entry: Entry, message: CapMessage | None = None) -> Memory:
    """`memory` with `entry` taken; a Cancel ends what it refers to of its own sender."""
    cancelled = dict(memory.cancelled)
    if message is not None and message.msg_type == "Cancel" and message.status != "Draft":
        names = [f"{sender},{identifier}" for sender, identifier in message.references if sender == message.sender]
        cancelled |= dict.fromkeys(names, message.sent.isoformat())
    seen = {key: mark for key, mark in memory.seen.items() if key != entry.key} | {entry.key: entry.mark}
    return replace(memory, seen=_newest(seen), cancelled=_newest(cancelled))


def _newest(kept: Mapping[str, str]) -> dict[str, str]:
    return dict(list(kept.items())[-KEPT:])


def refused_address(url: str, spec: CapPollSpec) -> str:
    """Why `url` may not be fetched, or "": only http and https, only the configured host at its port, and `hosts`."""
    try:
        wanted, home = urlsplit(url), urlsplit(spec.url)
        port, home_port = _port(wanted.scheme, wanted.port), _port(home.scheme, home.port)
    except ValueError:
        return f"地址写错了:{url[:200]}"
    if wanted.scheme not in ("http", "https") or not wanted.hostname:
        return f"只读取 http 与 https 地址:{url[:200]}"
    if home.scheme == "https" and wanted.scheme == "http":
        return f"索引是 https,不读取 http 的报文:{url[:200]}"
    upgraded = home.scheme == "http" and wanted.scheme == "https" and (home_port, port) == (80, 443)
    if wanted.hostname == home.hostname and (port == home_port or upgraded):
        return ""
    if f"{wanted.hostname}:{port}" in spec.hosts or (port in (80, 443) and wanted.hostname in spec.hosts):
        return ""
    return f"{wanted.hostname}:{port} 不在允许的主机中(索引所在的主机与 hosts):{url[:200]}"


def refused_ip(address: str, spec: CapPollSpec) -> str:
    """Why no connection to `address` may be made, or ""."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped if mapped is not None else found
    if found.is_multicast or found.is_unspecified or found.is_reserved:
        return f"{address} 不是可以连接的地址"
    if (found.is_loopback or found.is_link_local) and not spec.allow_local:
        return f"{address} 是本机或链路本地地址;确实需要时在接入文件里写 allow_local: true"
    return ""


def _port(scheme: str, port: int | None) -> int:
    return port or (443 if scheme == "https" else 80)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


def read_cap_poll(node: FeedNode) -> CapPollSpec:
    """The address and its limits from the feeds file."""
    url = node.text("url", required=True)
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        node.problem("url", "url 必须是 http:// 或 https:// 地址")
    if parts.username or parts.password:
        node.problem("url", "url 里不能写口令;用 username 与 password_env 或 password_file")
    if node.has("password"):
        node.problem("password", "口令不能写在接入文件里;用 password_env 或 password_file")
    return CapPollSpec(
        url=url, every_s=node.number("every_s", 60.0, 5, 86_400), timeout_s=node.number("timeout_s", 20.0, 1, 300),
        max_bytes=node.whole("max_bytes", 1_000_000, 1_000, 1_000_000),
        hosts=tuple(one.strip() for one in node.text("hosts").split(",") if one.strip()),
        allow_local=node.flag("allow_local", False), username=node.text("username"),
        password_env=node.text("password_env"), password_file=node.text("password_file"),
    )  # fmt: skip


CAP_POLL = Feed(
    kind="cap",
    title="CAP 预警(Atom、RSS)",
    transport="poll",
    carries="warnings",
    how="在接入文件里写 Atom 或 RSS 的地址,定时去取",
    fields=(
        "url", "every_s", "timeout_s", "max_bytes", "hosts", "allow_local", "username", "password", "password_env",
        "password_file",
    ),
    read=read_cap_poll,
)  # fmt: skip
