"""The plan preview: who would be called now and why, which teams, and what is missing."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.model import Alert
from dispatch.assignment import MAX_TRAVEL_S, Candidate, assign, straight_metres
from dispatch.model import Incident, Person, PlanEntry, PlanPreview, TeamChoice
from dispatch.notices import Notice
from dispatch.plan_book import DRILL, NAMED, Group, Plan, PlanBook, fill, short_message
from dispatch.ports import Channel, Roster, TeamFinder, TravelTimes
from dispatch.stores import StoredPreview
from geodata.errors import NotFound

CITY_UNIT_SUFFIX = "00"
TEAMS_LOOKED_AT, TEAMS_SHOWN = 60, 12


@dataclass(frozen=True, slots=True)
class PreviewMaker:
    """Everything a preview is made of."""

    roster: Roster
    plans: PlanBook
    teams: TeamFinder
    travel: TravelTimes | None
    channels: Mapping[str, Channel]

    def make(
        self,
        incident: Incident,
        alerts: Sequence[Alert],
        now: datetime,
        notes: Sequence[str],
        notice: Notice | None = None,
    ) -> StoredPreview:
        """What one key would do at `now`, under a new idempotency key. `notes` are added to what is missing.

        A signed `notice` is sent word for word in place of the plan's own texts.
        """
        plan = self.plans.plans.get(incident.type)
        if plan is None:
            raise NotFound(f"预案表里没有类型 {incident.type};请改事件类型,或在预案文件里补上")
        teams, team_gaps = self._teams(plan, incident, now)
        people, people_gaps = self._people(plan, incident, alerts, teams)
        subject, short, long = self._messages(plan, incident, alerts)
        if notice is not None:
            short, long, notes = *notice.texts(exercise=incident.exercise), (*notes, *notice.doubts)
        preview = PlanPreview(
            incident_id=incident.id,
            plan_id=plan.id,
            plan_title=plan.title,
            level=incident.level,
            message=short,
            people=people,
            teams=teams,
            missing=(*notes, *self._unapproved(), *self._channel_gaps(), *people_gaps, *team_gaps),
            idempotency_key=secrets.token_hex(16),
            made_at=now,
            notice=f"{notice.signed_by} 签发的通知({notice.level}级响应)" if notice else "",
        )
        return StoredPreview(preview, subject, long)

    def _unapproved(self) -> list[str]:
        return [] if self.plans.source else [f"预案{self.plans.status}:没有填写核定依据"]

    def _channel_gaps(self) -> list[str]:
        gaps = [f"渠道「{item.title}」没有配置,本次不用" for item in self.channels.values() if not item.configured]
        if not any(item.configured for item in self.channels.values()):
            gaps.append("没有任何可用渠道:按下一键也不会发出消息,请先配置 CITYBRAIN_WEBHOOK_URL 或 CITYBRAIN_SMTP_URL")
        return gaps

    def _messages(self, plan: Plan, incident: Incident, alerts: Sequence[Alert]) -> tuple[str, str, str]:
        first = max(alerts, key=lambda alert: alert.level, default=None)
        values = {
            "title": incident.title,
            "place": incident.place or "事发地",
            "event": first.event if first else plan.title,
            "level": incident.level,
            "plan": plan.title,
            "headline": first.headline if first else incident.title,
        }
        prefix = DRILL if incident.exercise else ""
        subject = f"{prefix}{incident.level}级响应 {incident.title}"
        short = short_message(plan.short, values, exercise=incident.exercise)
        return " ".join(subject.split()), short, prefix + fill(plan.long, values)

    def _people(
        self, plan: Plan, incident: Incident, alerts: Sequence[Alert], teams: Sequence[TeamChoice]
    ) -> tuple[tuple[PlanEntry, ...], list[str]]:
        everybody = self.roster.all()
        if not everybody:
            return (), ["人员名录是空的:没有人可叫;请先导入名录:python app.py people 文件"]
        county, gaps = self._county(incident)
        finder = _PeopleFinder(everybody, county, self._assets(alerts))
        listed: dict[str, PlanEntry] = {}
        for group in plan.groups_at(incident.level):
            found = finder.matching(group)
            if not found:
                gaps.append(finder.gap(group))
            for person, why in found:
                self._add(listed, person, group.role, why, group.confirm_within_s)
        unmanned = []
        for team in teams:
            members = finder.of_team(team) if team.chosen else []
            for person in members:
                self._add(listed, person, "队伍", f"所属队伍 {team.name} 被选派", plan.confirm_within_s)
            if team.chosen and not members:
                unmanned.append(team.name)
        if unmanned:
            gaps.append(f"选派的队伍在名录中没有在岗人员,不会被自动叫到,请人工联系:{'、'.join(unmanned)}")
        return tuple(listed.values()), gaps

    def _county(self, incident: Incident) -> tuple[str | None, list[str]]:
        if incident.lon is None or incident.lat is None:
            return None, ["事件没有坐标:不能判断所属区县,也不能选队伍"]
        county = self.teams.county_at(incident.lon, incident.lat)
        return county, [] if county else ["事发地不在任何已导入的区县边界内:没有按区县叫人"]

    def _assets(self, alerts: Sequence[Alert]) -> dict[str, str]:
        """Asset or sensor id → why its responsible people are called."""
        found = {}
        for alert in alerts:
            if alert.sensor:
                name = alert.place or alert.sensor
                found[alert.sensor] = f"名录中负责 {name}"
                asset = self.teams.asset_of(alert.sensor)
                if asset:
                    found[asset] = f"名录中负责 {name}"
        return found

    def _add(self, listed: dict[str, PlanEntry], person: Person, role: str, why: str, within_s: int) -> None:
        """Nobody twice: a second reason is added to the first, the shorter time to confirm holds."""
        before = listed.get(person.id)
        if before is not None:
            roles = before.role if role in before.role.split("、") else f"{before.role}、{role}"
            within_s = min(within_s, before.confirm_within_s)
            merged = replace(before, role=roles, why=f"{before.why};{why}", confirm_within_s=within_s)
            listed[person.id] = merged
            return
        usable = tuple(key for key, item in self.channels.items() if item.configured and item.address_of(person))
        missing = "" if usable else "无可用渠道"
        hidden = replace(person, contacts=dict.fromkeys(person.contacts, "***"), duties=())
        listed[person.id] = PlanEntry(hidden, role, why, usable, within_s, missing)

    def _teams(self, plan: Plan, incident: Incident, now: datetime) -> tuple[tuple[TeamChoice, ...], list[str]]:
        need = plan.teams_at(incident.level)
        if not need or incident.lon is None or incident.lat is None:
            return (), []
        near = list(self.teams.teams_near(incident.lon, incident.lat, TEAMS_LOOKED_AT))
        if not near:
            return (), ["没有应急队伍数据:请先导入 teams 图层"]
        near = [team for team in near if set(team.capabilities) & set(need)]
        ways = self._ways(incident.lon, incident.lat, [(team.lon, team.lat) for team in near])
        candidates = [
            Candidate(team, *way, straight_metres(team.lon, team.lat, incident.lon, incident.lat))
            for team, way in zip(near, ways or [(None, None)] * len(near), strict=True)
        ]
        result = assign(candidates, need, now, has_roads=ways is not None)
        gaps = list(result.short) + ([] if ways is not None else ["没有路网数据:队伍按直线距离选,不给出行车时间"])
        return result.choices[:TEAMS_SHOWN], gaps

    def _ways(
        self, lon: float, lat: float, points: Sequence[tuple[float, float]]
    ) -> list[tuple[float | None, float | None]] | None:
        """(seconds, metres) for each point; None when there is no road data."""
        if self.travel is None:
            return None
        try:
            return [(way.seconds, way.metres) for way in self.travel.travel_to(lon, lat, points, MAX_TRAVEL_S)]
        except NotFound:
            return None


class _PeopleFinder:
    """Finds people for a plan's groups."""

    def __init__(self, everybody: Sequence[Person], county: str | None, assets: Mapping[str, str]) -> None:
        self._everybody, self._county, self._assets = everybody, county, assets

    def matching(self, group: Group) -> list[tuple[Person, str]]:
        """At most `group.limit` people on duty, with the reason."""
        if group.scope == "place":
            found = [
                (person, self._assets[asset])
                for person in self._everybody
                for asset in list(dict.fromkeys(item for item in person.duties if item in self._assets))[:1]
                if person.on_duty
            ]
        else:
            found = [
                (item, f"{group.level}级预案要求{group.role}到岗")
                for item in self._everybody
                if self._fits(item, group)
            ]
        return found[: group.limit]

    def _fits(self, person: Person, group: Group) -> bool:
        if not person.on_duty or (group.role not in person.roles and group.role != "*"):
            return False
        if group.scope == "county":
            return self._county is not None and person.unit_code[:6] == self._county
        return group.scope == "any" or person.unit_code[4:6] == CITY_UNIT_SUFFIX

    def of_team(self, team: TeamChoice) -> list[Person]:
        return [person for person in self._everybody if person.team_id == team.team_id and person.on_duty]

    def gap(self, group: Group) -> str:
        if group.role == NAMED or group.scope == "place":
            return "名录中没有人具名负责此处设施"
        where = {"county": "事发区县", "city": "市级", "any": "名录中"}[group.scope]
        return f"预案要求「{group.role}」({group.level}级),{where}没有在岗人员"
