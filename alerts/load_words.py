"""What each number of the operator load means, its limit and where the limit comes from: one table for all readers."""

from dataclasses import dataclass

from alerts.load import BANDS, PEAK, PRIORITIES, STEADY, Load, Verdict
from geodata.clock import SHANGHAI

EEMUA = "EEMUA 191(第 3 版,2013)"
ISA = "ANSI/ISA-18.2-2016、IEC 62682"


@dataclass(frozen=True, slots=True)
class Measure:
    """`limit` is the sentence a reader compares with; `source` is the document it stands in."""

    id: str
    title: str
    means: str
    limit: str
    source: str


MEASURES = (
    Measure(
        "steady", "平均每 10 分钟",
        "时段内的呼叫数 ÷ 有记录的 10 分钟数。呼叫:一条告警新产生、结束后复发、级别升高或因无人确认而升级,每次算一次;"
        "数值变化、级别降低、确认、结束不算。按整个值班席计;被静默或抑制的也计入",
        f"≤ {STEADY[0]:g} 可接受;≤ {STEADY[1]:g} 偏高;≤ {STEADY[2]:g} 过载;再多失控", EEMUA,
    ),
    Measure(
        "peak", "最忙的 10 分钟", "时段内呼叫最多的一格;格按北京时间整 10 分钟划分",
        f"≤ {PEAK[0]} 应付得来;≤ {PEAK[1]} 偏高;≤ {PEAK[2]} 难以应付(过载);再多失控", f"{EEMUA}:异常之后的 10 分钟",
    ),
    Measure(
        "share", "洪峰时间占比",
        "一格超过 10 次即进入洪峰,到一格少于 5 次为止(那一格不算;还没有过完的一格不能结束洪峰)。"
        "占比 = 洪峰格数 ÷ 有记录的格数",
        "< 1%", ISA,
    ),
    Measure(
        "top", "前十来源占比", "呼叫最多的十个来源(同一规则的同一传感器,或同一发布单位的同一种预警)占全部呼叫的份额",
        "≤ 5%,超过的应有整改计划", ISA,
    ),
    Measure("stale", "久未恢复", "至今未结束、产生已超过 24 小时的告警", "任一天少于 5 条", ISA),
    Measure("chatter", "抖动", "同一来源 60 秒内呼叫 3 次及以上;本系统另有设置时两种都列出", "0", ISA),
    Measure(
        "wait", "确认用时",
        "从开始等人看的那次呼叫到有人确认。确认后级别又升高,重新计时;还没有人确认就结束的另计。"
        "九成指第 90 百分位(最近秩)",
        "标准没有给出统一限值,应由本单位核定(未核定)", ISA,
    ),
    Measure(
        "levels", "级别分布", "呼叫按级别的份额。标准分三级,本系统对应为:高 = 红,中 = 橙,低 = 黄、蓝(对应关系未核定)",
        "约 " + "、".join(f"{name} {share:.0%}" for name, _, share in PRIORITIES), ISA,
    ),
    Measure("officers", "各人确认", "每人确认的次数,与其最忙的 10 分钟", "最忙的 10 分钟 ≤ 10", EEMUA),
)  # fmt: skip
MEASURE = {measure.id: measure for measure in MEASURES}


def verdict_words(load: Load) -> str:
    """One sentence for a shift leader: the band, the number that decides, its limit."""
    if not load.total:
        return "可接受:本时段没有告警呼叫"
    words = f"{BANDS[load.verdict.band]}:{_because(load.verdict)}"
    peak = load.busiest.count if load.busiest else 0
    return words if load.verdict.measure == "peak" or peak <= PEAK[0] else f"{words};最忙的 10 分钟 {peak:,} 次"


def _because(verdict: Verdict) -> str:
    if verdict.measure == "steady":
        return f"平均每 10 分钟 {verdict.value:.1f} 次,宜不超过 {verdict.limit:g} 次"
    if verdict.measure == "share":
        return f"{verdict.value:.1%} 的时间处于洪峰,应少于 {verdict.limit:.0%}"
    when = verdict.at.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if verdict.at else ""
    return f"{when} 起的 10 分钟有 {verdict.value:,.0f} 次,宜不超过 {verdict.limit:.0f} 次"


def seconds_words(seconds: float | None) -> str:
    """`45 秒`, `3 分 20 秒`, `2 小时 5 分`; a dash for none."""
    if seconds is None:
        return "—"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} 秒"
    if whole < 3600:
        return f"{whole // 60} 分 {whole % 60} 秒"
    return f"{whole // 3600} 小时 {whole % 3600 // 60} 分"
