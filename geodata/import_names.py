"""Which column of a file is which field of a dataset: told by `--map`, or known by its usual names."""

from collections.abc import Iterable, Mapping
from typing import Final

from geodata.datasets import DatasetSpec
from geodata.errors import BadInput
from geodata.readers_geojson import FEATURE_ID

# Usual names by field, best first, in lower case. Codes that stand for the thing come before row numbers.
_IDS: Final = {
    "counties": ("adcode", "行政区划代码", "区划代码", "xzqdm", "xzqhdm", "pac", "code"),
    "city_components": ("标识码", "部件标识码", "部件编码", "objid", "objcode", "objectid", "bsm", "code"),
    "cameras": ("设备编码", "国标编码", "摄像机编码", "deviceid", "device_id", "gbcode", "gbid", "code"),
}
_COMMON: Final = {
    "id": ("id", "编号", "编码", "代码", "标识码", "code", "gid", "fid"),
    "name": ("名称", "名字", "mc", "objname", "部件名称", "设备名称", "点位名称", "devicename", "region_name", "xzqmc"),
    "county_code": ("区县代码", "区县编码", "adcode", "行政区划代码", "区划代码", "xzqdm", "civilcode"),
    "class_code": ("大类", "大类代码", "大类编码", "部件大类"),
    "subclass_code": ("小类", "小类代码", "小类编码", "部件小类"),
    "state": ("状态", "当前状态", "objstate", "status"),
    "dept_code": ("主管部门代码", "deptcode", "deptcode1"),
    "kind": ("类型", "类别", "种类", "type"),
    "road_class": ("等级", "道路等级", "fclass", "highway"),
    "speed_kmh": ("设计速度", "限速", "maxspeed", "speed"),
    "danger_level": ("火险等级", "危险等级"),
}


def columns_for(spec: DatasetSpec, columns: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Field → source column, `id` among them. Optional fields may be missing.

    Raises `BadInput`, naming the columns found, for an unknown field or column and a missing `id` or required one.
    """
    found = [str(column) for column in columns]
    known = ["id", *(field.name for field in spec.fields)]
    _check_mapping(mapping, known, found)
    chosen = dict(mapping)
    for name in known:
        if name not in chosen:
            match = _match(_names(spec, name), found, set(chosen.values()))
            if match:
                chosen[name] = match
    missing = [name for name in ("id", *(f.name for f in spec.fields if f.required)) if name not in chosen]
    if missing:
        wanted = "、".join(_title(spec, name) for name in missing)
        raise BadInput(
            f"文件里找不到 {wanted} 对应的列;用 --map 说明,例如 --map {missing[0]}=列名。"
            f"现有列:{'、'.join(found)[:600]}",
            missing=missing,
        )
    return chosen


def _check_mapping(mapping: Mapping[str, str], known: list[str], found: list[str]) -> None:
    for name, column in mapping.items():
        if name not in known:
            raise BadInput(f"--map 里的字段 {name!r} 不存在;可用:{'、'.join(known)}")
        if column not in found:
            raise BadInput(f"--map {name}={column}:文件里没有这一列。现有列:{'、'.join(found)[:600]}")


def _names(spec: DatasetSpec, name: str) -> list[str]:
    """The names `name` may go by in files, best first; Shapefiles cut names to ten characters."""
    title = next((field.title for field in spec.fields if field.name == name), "")
    usual = [*(_IDS.get(spec.id, ()) if name == "id" else ()), *_COMMON.get(name, ())]
    own = [name, title, title.split("(")[0]] if name != "id" else []
    ordered = [*own, *usual] if name != "id" else [*(("id",) if spec.id not in _IDS else ()), *usual, FEATURE_ID]
    return [text.lower() for text in [*ordered, name[:10]] if text]


def _match(names: list[str], found: list[str], taken: set[str]) -> str:
    for name in names:
        for column in found:
            if column.strip().lower() == name and (column not in taken):
                return column
    return ""


def _title(spec: DatasetSpec, name: str) -> str:
    if name == "id":
        return f"id({spec.id_help})"
    return next(f"{name}({field.title})" for field in spec.fields if field.name == name)
