"""What a sensor can measure: unit and the range outside which a number cannot be a measurement. Data, not code.

The ranges are plausibility bounds of ours (wide on purpose), not official figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuantitySpec:
    """Unit as shown on screen, and the closed range of values that are believed."""

    unit: str
    min: float
    max: float
    title: str = ""


QUANTITIES: Mapping[str, QuantitySpec] = {
    "depth_m": QuantitySpec("m", 0.0, 20.0, "积水深度"),
    "level_m": QuantitySpec("m", -5.0, 50.0, "井内液位"),
    "stage_m": QuantitySpec("m", -20.0, 1_500.0, "水位"),
    "flow_m3s": QuantitySpec("m³/s", -1_000.0, 100_000.0, "流量"),
    "rain_mm_h": QuantitySpec("mm/h", 0.0, 500.0, "雨强"),
    "rain_mm": QuantitySpec("mm", 0.0, 2_000.0, "累计雨量"),
    "temperature_c": QuantitySpec("℃", -60.0, 1_000.0, "温度"),
    "humidity_pct": QuantitySpec("%", 0.0, 100.0, "相对湿度"),
    "wind_m_s": QuantitySpec("m/s", 0.0, 100.0, "风速"),
    "pressure_hpa": QuantitySpec("hPa", 500.0, 1_100.0, "气压"),
    "gas_lel_pct": QuantitySpec("%LEL", 0.0, 100.0, "可燃气体"),
    "h2s_mg_m3": QuantitySpec("mg/m³", 0.0, 2_000.0, "硫化氢"),
    "co_mg_m3": QuantitySpec("mg/m³", 0.0, 5_000.0, "一氧化碳"),
    "smoke_pct": QuantitySpec("%", 0.0, 100.0, "烟雾"),
    "tilt_deg": QuantitySpec("°", -180.0, 180.0, "倾角"),
    "pump_m3_h": QuantitySpec("m³/h", 0.0, 200_000.0, "泵排流量"),
    "battery_pct": QuantitySpec("%", 0.0, 100.0, "电量"),
}
