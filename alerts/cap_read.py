"""CAP documents to a tree: size, DTD and entities are refused before anything is expanded, opened or fetched."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import defusedxml.ElementTree as safe_xml
from defusedxml.common import DefusedXmlException

from geodata.errors import BadInput, TooLarge

CAP_NS = "urn:oasis:names:tc:emergency:cap:1.2"
CHINA_NS = "http://com.icss.amp"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
MAX_BYTES = 1_000_000
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 cannot hold these
_MAX_ELEMENTS = 20_000
_MAX_DEPTH = 12


class CapInvalid(BadInput):
    """The message breaks rules of CAP; `problems` lists every one."""

    code = "cap-invalid"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"CAP 报文有 {len(problems)} 处不合规定:\n" + "\n".join(problems), problems=problems)
        self.problems = problems


def read_tree(body: bytes) -> tuple[Element, bool]:
    """The root with element names free of their namespace, and whether it is the China profile."""
    if len(body) > MAX_BYTES:
        raise TooLarge(f"CAP 报文超过 {MAX_BYTES // 1000} kB")
    if b"<!DOCTYPE" in body[:10_000].upper():
        raise BadInput("CAP 报文不得含有 DTD 或实体声明;已拒收")
    try:
        root: Element = safe_xml.fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadInput("CAP 报文不得含有 DTD 或实体声明;已拒收") from error
    except (safe_xml.ParseError, ValueError, LookupError) as error:
        raise BadInput(f"不是合法的 XML:{error}") from error
    _check_shape(root)
    namespace, _, name = root.tag[1:].partition("}") if root.tag.startswith("{") else ("", "", root.tag)
    if name != "alert" or namespace not in (CAP_NS, CHINA_NS):
        raise CapInvalid([f"根元素必须是 CAP 1.2 的 alert(命名空间 {CAP_NS} 或 {CHINA_NS}),收到 {root.tag[:120]}"])
    return _without(root, namespace), namespace == CHINA_NS


def _check_shape(root: Element) -> None:
    """Refuse trees that no warning needs: too deep or too many elements."""
    layer, count, depth = [root], 0, 0
    while layer:
        count, depth = count + len(layer), depth + 1
        if depth > _MAX_DEPTH or count > _MAX_ELEMENTS:
            raise BadInput("CAP 报文嵌套过深或元素过多;已拒收")
        layer = [child for element in layer if element.tag != SIGNATURE for child in element]


def _without(element: Element, namespace: str) -> Element:
    """A copy without `namespace` in the names, texts trimmed, signatures left out (they are not checked here)."""
    copy = Element(element.tag.removeprefix(f"{{{namespace}}}"))
    copy.text = (element.text or "").strip()
    copy.extend(_without(child, namespace) for child in element if child.tag != SIGNATURE)
    return copy


def tree_of_json(payload: object) -> Element:
    """A JSON warning with CAP's own names as the same tree; info fields may also stand at the top level."""
    if not isinstance(payload, Mapping):
        raise BadInput("预警必须是 JSON 对象,字段名与 CAP 1.2 相同")
    plain = dict(payload)
    if "info" not in plain and not plain.keys() <= _HEAD:
        info = {key: plain.pop(key) for key in list(plain) if key not in _HEAD}
        plain["info"] = info
    root = Element("alert")
    budget = [_MAX_ELEMENTS]
    for key, value in plain.items():
        _grow(root, str(key), value, 1, budget)
    return root


_HEAD = {
    "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code", "note",
    "references", "incidents",
}  # fmt: skip


def _grow(parent: Element, name: str, value: Any, depth: int, budget: list[int]) -> None:
    budget[0] -= 1
    if depth > _MAX_DEPTH or budget[0] < 0:
        raise BadInput("预警嵌套过深或元素过多;已拒收")
    if value is None:
        return
    if isinstance(value, list):
        for item in value:
            _grow(parent, name, item, depth + 1, budget)
        return
    child = SubElement(parent, name)
    if isinstance(value, Mapping):
        for key, item in value.items():
            _grow(child, str(key), item, depth + 1, budget)
    else:
        child.text = ("true" if value else "false") if isinstance(value, bool) else str(value).strip()
        if NOT_XML.search(child.text) or NOT_XML.search(name):
            raise BadInput(f"预警的 {name[:40]!r} 含有不可用的控制字符;已拒收")
