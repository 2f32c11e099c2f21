"""Attribute values as the dataset keeps them: text, numbers, yes or no; the unreadable is refused, not guessed."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from geodata.datasets import DatasetSpec, Field
from geodata.import_verdict import Mask, Verdict
from geodata.raw_table import RawTable

Column = "pd.Series[Any]"
MAX_TEXT_CHARS: Final = 2000
LOST_DIGITS: Final = "编码被表格软件存成数字,已丢失末位"
_SCIENTIFIC: Final = r"[+-]?\d(?:\.\d+)?[eE]\+?\d+"
_HTML: Final = r"<\s*[/!]?[A-Za-z]|&#|&(?:lt|gt|quot|amp);|(?i:javascript):"
_CONTROL: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_YES: Final = {"1", "true", "t", "yes", "y", "是", "单行", "封闭"}
_NO: Final = {"", "0", "false", "f", "no", "n", "否"}


def field_values(table: RawTable, spec: DatasetSpec, chosen: Mapping[str, str], verdict: Verdict) -> pd.DataFrame:
    """The mapped columns in the dataset's kinds, `id` first. Missing text is "", a missing number NaN or NA."""
    ids = _text(table, chosen["id"], verdict, "id")
    verdict.reject((ids == "").to_numpy(bool), "缺少 id")
    wrong = (ids != "") & ~ids.str.fullmatch(spec.id_pattern)
    bad: Mask = wrong.to_numpy(bool) & verdict.ok
    given = _at(ids, bad)
    verdict.reject(bad, lambda row: f"id {given[row][:80]!r} 不是 {spec.id_help}")
    columns: dict[str, Any] = {"id": ids}
    for field in spec.fields:
        if field.name in chosen:
            text = _text(table, chosen[field.name], verdict, field.name)
            if field.required:
                verdict.reject((text == "").to_numpy(bool), f"必填的 {field.name}({field.title})是空的")
            columns[field.name] = _of_kind(text, field, spec, verdict)
    return pd.DataFrame(columns)


def _of_kind(text: "pd.Series[Any]", field: Field, spec: DatasetSpec, verdict: Verdict) -> "pd.Series[Any]":
    if field.kind == "text":
        return _labelled(text, field, spec, verdict)
    if field.kind == "bool":
        return _yes_or_no(text, field, verdict)
    if field.name in spec.labels:
        text = _labelled(text, field, spec, verdict)
    numbers = pd.to_numeric(text.where(text != "", None), errors="coerce").astype("float64")
    finite = np.isfinite(numbers.to_numpy(np.float64))
    bad: Mask = (text != "").to_numpy(bool) & ~finite
    if field.kind == "int":
        whole = numbers.to_numpy(np.float64)
        with np.errstate(invalid="ignore"):
            bad |= finite & ((whole != np.floor(whole)) | (np.abs(whole) >= 2**53))
    kind = "整数" if field.kind == "int" else "数"
    given = _at(text, bad)
    verdict.reject(bad, lambda row: f"{field.name}({field.title})不是{kind}:{given[row][:60]!r}")
    numbers = numbers.mask(pd.Series(bad, index=numbers.index))
    return numbers.astype("Int64") if field.kind == "int" else numbers


def _yes_or_no(text: "pd.Series[Any]", field: Field, verdict: Verdict) -> "pd.Series[Any]":
    lower = text.str.lower()
    yes = lower.isin(list(_YES))
    bad = ~(yes | lower.isin(list(_NO))).to_numpy(bool)
    given = _at(text, bad)
    verdict.reject(bad, lambda row: f"{field.name}({field.title})应为 是/否、1/0:{given[row][:60]!r}")
    return yes.astype(bool)


def _labelled(text: "pd.Series[Any]", field: Field, spec: DatasetSpec, verdict: Verdict) -> "pd.Series[Any]":
    """Codes of a code table: screen words become codes, a leading zero that a spreadsheet ate comes back."""
    labels = spec.labels.get(field.name)
    if not labels:
        return text
    known = {word: code for code, word in labels.items()} | {code.lstrip("0"): code for code in labels}
    known |= {code: code for code in labels}
    values = text.unique()
    text = text.replace({value: known[value] for value in values if value in known and known[value] != value})
    strange = ~text.isin([*labels, ""]).to_numpy(bool)
    given = _at(text, strange)
    verdict.flag(strange, lambda row: f"{field.name} 的值 {given[row][:40]!r} 不在码表中")
    return text


def _text(table: RawTable, column: str, verdict: Verdict, name: str) -> "pd.Series[Any]":
    """A source column as stripped text; whole floats lose their ".0", codes that lost digits are refused."""
    source = table.columns[column]
    if isinstance(source.dtype, pd.StringDtype):
        text = source.fillna("").str.strip()
    else:
        cells = source.tolist()
        lost = np.fromiter((_lost(cell, table.exact_below) for cell in cells), bool, len(cells))
        verdict.reject(lost, f"{name}: {LOST_DIGITS}")
        text = pd.Series([_cell_text(cell) for cell in cells], index=source.index, dtype="str").str.strip()
    if name == "id":
        verdict.reject(text.str.fullmatch(_SCIENTIFIC).to_numpy(bool), f"{name}: {LOST_DIGITS}")
    verdict.reject((text.str.len() > MAX_TEXT_CHARS).to_numpy(bool), f"{name} 超过 {MAX_TEXT_CHARS} 字")
    verdict.reject(text.str.contains(_CONTROL).to_numpy(bool), f"{name} 含有控制字符")
    verdict.flag(text.str.contains(_HTML).to_numpy(bool), f"{name} 含有 HTML 标记,按文字保存")
    verdict.flag(text.str.contains("\ufffd", regex=False).to_numpy(bool), f"{name} 有无法解码的文字")
    return text


def _at(text: "pd.Series[Any]", rows: Mask) -> dict[int, str]:
    """Row index → value of the marked rows, fetched at once: one by one, a million takes a minute and a half."""
    return dict(zip(np.flatnonzero(rows).tolist(), text[rows].tolist(), strict=True))


def _lost(cell: Any, exact_below: float) -> bool:
    if isinstance(cell, bool | np.bool_):
        return False
    if isinstance(cell, float | np.floating):
        number = float(cell)
        return abs(number) >= exact_below and not np.isinf(number)
    return isinstance(cell, int | np.integer) and exact_below < 2**53 and abs(int(cell)) >= exact_below


def _cell_text(cell: Any) -> str:
    """One value of any kind as text: 371302.0 → "371302", None and NaN → "", a list → JSON."""
    if isinstance(cell, str):
        return cell
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return ""
    if isinstance(cell, float | np.floating):
        number = float(cell)
        return "" if np.isnan(number) else str(int(number)) if number.is_integer() else repr(number)
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, dict | list):
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
    return str(cell)
