"""People from a table file: CSV or XLSX, one row a person, columns by their Chinese or English names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dispatch.model import Person
from geodata.errors import BadInput

MAX_ROWS = 100_000
MAX_TEXT = 200
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("编号", "人员编号", "id"),
    "name": ("姓名", "名称", "name"),
    "title": ("职务", "title"),
    "unit": ("单位", "部门", "unit"),
    "unit_code": ("单位代码", "区划代码", "unit_code"),
    "roles": ("角色", "预案角色", "roles"),
    "webhook": ("短信网关", "网关地址", "webhook"),
    "email": ("邮箱", "电子邮件", "email"),
    "deputy_id": ("副职编号", "副职", "deputy_id"),
    "on_duty": ("在岗", "on_duty"),
    "team_id": ("队伍编号", "team_id"),
    "duties": ("负责设施", "duties"),
    "username": ("账号", "username"),
}
REQUIRED = ("id", "name", "unit", "unit_code", "roles")
_SEPARATORS = re.compile(r"[、,,;;\s]+")
_EMAIL = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;]+")
_YES, _NO = {"", "是", "1", "true", "y", "yes", "在岗"}, {"否", "0", "false", "n", "no", "不在岗", "离岗"}


@dataclass(frozen=True, slots=True)
class PersonReject:
    """A row that was not taken: its number as a spreadsheet shows it, why, and the row."""

    row: int
    reason: str
    original: str


def read_people(path: Path) -> tuple[list[Person], list[PersonReject]]:
    """The people of `path` and the rows refused. `BadInput` when the file is no such table.

    A deputy must be in the same file or be named by an id that the roster has already: whether it is there is checked
    when somebody is called, and said in the preview.
    """
    frame = _frame(path)
    columns = _columns(list(frame.columns), path)
    people: dict[str, Person] = {}
    rejects: list[PersonReject] = []
    for number, values in enumerate(frame.itertuples(index=False), start=2):
        row = {name: str(values[place]).strip() for name, place in columns.items()}
        reasons = _problems(row, people)
        if reasons:
            rejects.append(PersonReject(number, ";".join(reasons), str(row)[:4000]))
        else:
            people[row["id"]] = _person(row)
    return list(people.values()), rejects


def _frame(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise BadInput(f"没有文件 {path};请检查路径")
    try:
        if path.suffix.lower() == ".xlsx":
            frame = pd.read_excel(path, dtype=str, nrows=MAX_ROWS + 1)
        elif path.suffix.lower() == ".csv":
            frame = _csv(path)
        else:
            raise BadInput(f"{path.name}:只支持 .csv 与 .xlsx")
    except BadInput:
        raise
    except Exception as problem:  # a damaged file can raise nearly anything in its reader
        raise BadInput(f"{path.name} 读不出表格:{str(problem)[:200]}") from problem
    if len(frame) > MAX_ROWS:
        raise BadInput(f"{path.name} 超过 {MAX_ROWS} 行;请拆分后分别导入")
    return frame.fillna("")


def _csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, encoding="utf-8-sig", nrows=MAX_ROWS + 1, keep_default_na=False)
    except UnicodeDecodeError:
        return pd.read_csv(path, dtype=str, encoding="gb18030", nrows=MAX_ROWS + 1, keep_default_na=False)


def _columns(found: Iterable[str], path: Path) -> dict[str, int]:
    places = {str(name).strip().lower(): place for place, name in enumerate(found)}
    columns = {
        field: next(places[name] for name in names if name in places)
        for field, names in COLUMNS.items()
        if any(name in places for name in names)
    }
    lacking = [COLUMNS[field][0] for field in REQUIRED if field not in columns]
    if lacking:
        raise BadInput(f"{path.name} 缺少列:{'、'.join(lacking)};现有列:{'、'.join(map(str, found))}")
    return columns


def _problems(row: Mapping[str, str], seen: Mapping[str, Person]) -> list[str]:
    problems = [f"{COLUMNS[field][0]}为空" for field in REQUIRED if not row[field]]
    problems += [f"{COLUMNS[field][0]}超过 {MAX_TEXT} 个字符" for field, text in row.items() if len(text) > MAX_TEXT]
    if row["id"] in seen:
        problems.append(f"编号 {row['id']} 在本文件中重复")
    if row["unit_code"] and not re.fullmatch(r"\d{6}(\d{3}){0,2}", row["unit_code"]):
        problems.append("单位代码应为 6、9 或 12 位行政区划代码")
    email = row.get("email", "")
    if email and not _EMAIL.fullmatch(email):
        problems.append(f"邮箱 {email!r} 不是邮箱地址")
    if row.get("on_duty", "").lower() not in _YES | _NO:
        problems.append("在岗应为 是 或 否")
    if row["id"] and row.get("deputy_id") == row["id"]:
        problems.append("副职是本人")
    return problems


def _person(row: Mapping[str, str]) -> Person:
    contacts = {key: row[key] for key in ("webhook", "email") if row.get(key)}
    return Person(
        id=row["id"],
        name=row["name"],
        title=row.get("title", ""),
        unit=row["unit"],
        unit_code=row["unit_code"],
        roles=tuple(word for word in _SEPARATORS.split(row["roles"]) if word),
        contacts=contacts,
        deputy_id=row.get("deputy_id") or None,
        on_duty=row.get("on_duty", "").lower() in _YES,
        team_id=row.get("team_id") or None,
        duties=tuple(word for word in _SEPARATORS.split(row.get("duties", "")) if word),
        username=row.get("username") or None,
    )
