"""Stored previews back from plain JSON: the other way of `dispatch.model.to_plain`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatch.model import Person, PlanEntry, PlanPreview, TeamChoice
from dispatch.stores import StoredPreview


def stored_preview_of(body: Mapping[str, Any]) -> StoredPreview:
    """`to_plain(stored)` read back; equal to what was stored."""
    plain = body["preview"]
    preview = PlanPreview(
        **{
            **plain,
            "people": tuple(_entry(entry) for entry in plain["people"]),
            "teams": tuple(team_of(team) for team in plain["teams"]),
            "missing": tuple(plain["missing"]),
            "made_at": datetime.fromisoformat(plain["made_at"]),
        }
    )
    return StoredPreview(preview, body["subject"], body["long_message"])


def team_of(plain: Mapping[str, Any]) -> TeamChoice:
    """A team choice from its plain form."""
    return TeamChoice(**{**plain, "capabilities": tuple(plain["capabilities"])})


def _entry(plain: Mapping[str, Any]) -> PlanEntry:
    person = {**plain["person"]}
    person |= {"roles": tuple(person["roles"]), "duties": tuple(person["duties"])}
    return PlanEntry(**{**plain, "person": Person(**person), "channels": tuple(plain["channels"])})
