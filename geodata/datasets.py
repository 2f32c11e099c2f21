"""The city's datasets as values: what each is called, its shape on the map, and the columns it keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from geodata.errors import NotFound

Geometry = Literal["point", "line", "polygon"]
Kind = Literal["text", "int", "float", "bool"]


@dataclass(frozen=True, slots=True)
class Field:
    """A column. `required` ones must be present and not empty in every imported row."""

    name: str
    title: str
    kind: Kind = "text"
    required: bool = False


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """One dataset. Rows have a unique text `id`, the `fields`, a WGS-84 geometry and `sample` (True: 示例数据).

    `class_field` and `state_field` name the columns that tiles carry and filters use; `id_pattern` is a regular
    expression that every id must match, `id_help` says in words what is wanted.
    """

    id: str
    title: str
    geometry: Geometry
    fields: tuple[Field, ...]
    class_field: str = ""
    state_field: str = ""
    id_pattern: str = r".{1,64}"
    id_help: str = "1–64 个字符"
    search_fields: tuple[str, ...] = ("name",)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # field → value → screen word


NAME = Field("name", "名称", required=True)
COUNTY = Field("county_code", "区县代码")

COMPONENT_CLASSES = {
    "01": "公用设施",
    "02": "道路交通",
    "03": "市容环境",
    "04": "园林绿化",
    "05": "房屋土地",
    "06": "其他",
}
COMPONENT_STATES = {"normal": "正常", "damaged": "破损", "missing": "缺失", "repairing": "维修中", "unknown": "未知"}
CAMERA_GRADES = {"1": "一类点", "2": "二类点", "3": "三类点"}
CAMERA_STATES = {"online": "在线", "offline": "离线", "unknown": "未知"}
WATERLOGGING_KINDS = {"underpass": "下穿立交", "road": "道路低洼", "community": "小区低洼", "tunnel": "隧道涵洞"}
ROAD_CLASSES = {
    "motorway": "高速公路",
    "trunk": "国道",
    "primary": "省道",
    "secondary": "县道",
    "tertiary": "乡道",
    "residential": "支路",
}
DANGER_LEVELS = {"1": "低", "2": "较低", "3": "较高", "4": "高", "5": "极高"}

DATASETS: tuple[DatasetSpec, ...] = (
    DatasetSpec("counties", "区县边界", "polygon", (NAME,), id_pattern=r"\d{6}", id_help="6 位行政区划代码"),
    DatasetSpec("rivers", "河流", "line", (NAME, Field("rank", "级别", "int"))),
    DatasetSpec("hills", "山地", "polygon", (NAME, Field("height_m", "高程(米)", "float"))),
    DatasetSpec(
        "roads",
        "道路",
        "line",
        (
            Field("name", "名称"),
            Field("road_class", "等级", required=True),
            Field("speed_kmh", "设计速度(公里/时)", "float", required=True),
            Field("oneway", "单行", "bool"),
            Field("closed", "封闭", "bool"),
        ),
        class_field="road_class",
        labels={"road_class": ROAD_CLASSES},
    ),
    DatasetSpec(
        "waterlogging_points",
        "积水点",
        "point",
        (
            NAME,
            Field("kind", "类型", required=True),
            COUNTY,
            Field("sensor_id", "水尺编号"),
            Field("slow_depth_m", "慢行水深(米)", "float"),
            Field("close_depth_m", "封闭水深(米)", "float"),
            Field("pump_m3_h", "泵站能力(立方米/时)", "float"),
            Field("camera_id", "最近摄像机"),
        ),
        class_field="kind",
        labels={"kind": WATERLOGGING_KINDS},
    ),
    DatasetSpec(
        "forest_grid",
        "林区网格",
        "polygon",
        (
            NAME,
            COUNTY,
            Field("danger_level", "火险等级", "int"),
            Field("slope_deg", "坡度(度)", "float"),
            Field("cover", "植被"),
        ),
        class_field="danger_level",
        labels={"danger_level": DANGER_LEVELS},
    ),
    DatasetSpec(
        "city_components",
        "城市部件",
        "point",
        (
            NAME,
            Field("class_code", "大类", required=True),
            Field("subclass_code", "小类", required=True),
            Field("state", "状态", required=True),
            COUNTY,
            Field("dept_code", "主管部门代码"),
        ),
        class_field="class_code",
        state_field="state",
        id_pattern=r"\d{16}",
        id_help="16 位部件标识码(6 位区县 + 2 位大类 + 2 位小类 + 6 位流水号)",
        labels={"class_code": COMPONENT_CLASSES, "state": COMPONENT_STATES},
    ),
    DatasetSpec(
        "cameras",
        "摄像机",
        "point",
        (
            NAME,
            Field("grade", "点位等级", required=True),
            Field("state", "状态", required=True),
            Field("ptz_type", "云台类型", "int"),
            COUNTY,
        ),
        class_field="grade",
        state_field="state",
        id_pattern=r"\d{20}",
        id_help="20 位国标编码(GB/T 28181)",
        labels={"grade": CAMERA_GRADES, "state": CAMERA_STATES},
    ),
    DatasetSpec(
        "sensors",
        "传感器",
        "point",
        (
            NAME,
            Field("kind", "类型", required=True),
            Field("quantities", "观测量(逗号分隔)", required=True),
            COUNTY,
            Field("asset_id", "所属设施"),
        ),
        class_field="kind",
    ),
    DatasetSpec(
        "teams",
        "应急队伍",
        "point",
        (
            NAME,
            Field("kind", "类型", required=True),
            Field("capabilities", "能力(逗号分隔)", required=True),
            COUNTY,
            Field("members", "人数", "int"),
            Field("state", "状态"),
        ),
        class_field="kind",
        state_field="state",
    ),
    DatasetSpec("warehouses", "物资仓库", "point", (NAME, COUNTY, Field("items", "物资"))),
)


def dataset(dataset_id: str) -> DatasetSpec:
    """The dataset called `dataset_id`; an unknown one raises `NotFound` naming those there are."""
    for spec in DATASETS:
        if spec.id == dataset_id:
            return spec
    raise NotFound(f"没有图层 {dataset_id!r};可用:{'、'.join(spec.id for spec in DATASETS)}")
