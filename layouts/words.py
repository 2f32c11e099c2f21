"""Screen words and number formats. Times are Asia/Shanghai on screen; an age is what an officer says aloud."""

from datetime import datetime

from alerts.model import Level
from geodata.clock import SHANGHAI

LEVEL_WORDS = {
    Level.RED: "红色",
    Level.ORANGE: "橙色",
    Level.YELLOW: "黄色",
    Level.BLUE: "蓝色",
    Level.NONE: "无",
}
LEVEL_NAMES = {level: level.name.lower() for level in Level}
ROLE_WORDS = {
    "admin": "管理员",
    "duty": "值班员",
    "dispatcher": "调度员",
    "leader": "带班领导",
    "field": "现场人员",
}
PERSON_WORDS = {
    "queued": "待发送",
    "sent": "已发出",
    "delivered": "已送达",
    "confirmed": "已确认",
    "en_route": "已出发",
    "on_site": "已到达",
    "failed": "未送达",
    "escalated": "已转副职",
    "stood_down": "已解除",
}
MODE_WORDS = {"live": "实时", "replay": "回放", "exercise": "演练"}
SAMPLE = "示例数据"
NOBODY = "—"


def clock_text(moment: datetime | None) -> str:
    """`2026-11-22 16:05` in Asia/Shanghai; a dash when there is no time."""
    return NOBODY if moment is None else moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def short_clock(moment: datetime | None) -> str:
    """`16:05:09` in Asia/Shanghai."""
    return NOBODY if moment is None else moment.astimezone(SHANGHAI).strftime("%H:%M:%S")


def age_text(moment: datetime | None, now: datetime) -> str:
    """How old `moment` is: 刚刚, 12 秒前, 5 分钟前, 3 小时前, 2 天前; 从未 when it never came."""
    if moment is None:
        return "从未收到"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, word in ((86_400, "天"), (3_600, "小时"), (60, "分钟")):
        if seconds >= size:
            return f"{seconds // size} {word}前"
    return "刚刚" if seconds < 5 else f"{seconds} 秒前"


def number_text(value: float | None, digits: int = 0) -> str:
    """A figure with thin grouping (`10,900`), or a dash: a missing number is never drawn as nought."""
    return NOBODY if value is None else f"{value:,.{digits}f}"
