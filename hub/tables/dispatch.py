"""Tables of the dispatch room. Unique indexes keep its promises: one press, one row a person, one message in flight."""

import sqlalchemy as sa

from hub.database import UtcTime, metadata

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")

PEOPLE = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("unit_code", sa.String(32), nullable=False, index=True),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("contacts", sa.JSON, nullable=False),
    sa.Column("deputy_id", sa.String(64)),
    sa.Column("on_duty", sa.Boolean, nullable=False),
    sa.Column("team_id", sa.String(64)),
    sa.Column("duties", sa.JSON, nullable=False),
    sa.Column("username", sa.String(64), unique=True),
    sa.Column("sample", sa.Boolean, nullable=False),
)

INCIDENTS = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("level", sa.String(4), nullable=False),
    sa.Column("status", sa.String(8), nullable=False, index=True),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("opened_by", sa.String(64), nullable=False),
    sa.Column("exercise", sa.Boolean, nullable=False),
    sa.Column("closed_at", UtcTime),
    sa.Column("closed_why", sa.Text),
    sa.Column("merged_into", sa.String(32)),
    sa.Column("updated_at", UtcTime),
)

INCIDENT_ALERTS = sa.Table(
    "incident_alerts",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("alert_id", sa.String(64), primary_key=True),
    sa.Column("is_open", sa.Boolean, nullable=False),
)
# an alert belongs to at most one open incident
sa.Index(
    "ux_incident_alerts_open",
    INCIDENT_ALERTS.c.alert_id,
    unique=True,
    sqlite_where=INCIDENT_ALERTS.c.is_open.is_(True),
    postgresql_where=INCIDENT_ALERTS.c.is_open.is_(True),
)

INCIDENT_LOG = sa.Table(
    "incident_log",
    metadata,
    sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(48), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sqlite_autoincrement=True,
)

PLAN_PREVIEWS = sa.Table(
    "plan_previews",
    metadata,
    sa.Column("idempotency_key", sa.String(64), primary_key=True),
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
    sa.Column("body", sa.JSON, nullable=False),
)

CALLS = sa.Table(
    "calls",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("idempotency_key", sa.String(128), nullable=False),
    sa.Column("pressed_at", UtcTime, nullable=False),
    sa.Column("pressed_by", sa.String(64), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("long_message", sa.Text, nullable=False),
    sa.Column("link_template", sa.Text, nullable=False),
    sa.Column("exercise", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(8), nullable=False, index=True),
    sa.Column("teams", sa.JSON, nullable=False),
    sa.UniqueConstraint("incident_id", "idempotency_key", name="ux_calls_key"),
)

CALL_ROWS = sa.Table(
    "call_rows",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("call_id", sa.ForeignKey("calls.id"), nullable=False),
    sa.Column("place_no", sa.Integer, nullable=False),  # order in the ledger
    sa.Column("person_id", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("confirm_by", UtcTime),
    sa.Column("confirm_within_s", sa.Integer, nullable=False),
    sa.Column("deputy_id", sa.String(64)),
    sa.Column("username", sa.String(64), index=True),
    sa.Column("escalated_from", sa.String(32)),
    sa.Column("escalated_to", sa.String(32)),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("call_id", "person_id", name="ux_call_rows_person"),
)
sa.Index("ix_call_rows_due", CALL_ROWS.c.state, CALL_ROWS.c.confirm_by)

CALL_ATTEMPTS = sa.Table(
    "call_attempts",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("row_id", sa.ForeignKey("call_rows.id"), nullable=False, index=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("address_masked", sa.Text, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("claims", sa.Integer, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("lease_until", UtcTime),
    sa.Column("holder", sa.String(64)),
)
_IN_FLIGHT = CALL_ATTEMPTS.c.state.in_(["queued", "sending"])
sa.Index(
    "ux_call_attempts_in_flight",
    CALL_ATTEMPTS.c.row_id,
    CALL_ATTEMPTS.c.channel,
    unique=True,
    sqlite_where=_IN_FLIGHT,
    postgresql_where=_IN_FLIGHT,
)
sa.Index("ix_call_attempts_due", CALL_ATTEMPTS.c.state, CALL_ATTEMPTS.c.due_at)

RECEIPTS = sa.Table(
    "receipts",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),  # SHA-256; the token itself is only in the message
    sa.Column("row_id", sa.ForeignKey("call_rows.id"), nullable=False, index=True),
    sa.Column("expires_at", UtcTime, nullable=False),
)

# graded and classified handling (分级分类处置): what has to be done, by when
INCIDENT_TASKS = sa.Table(
    "incident_tasks",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("step_no", sa.Integer, nullable=False),
    sa.Column("key", sa.String(32), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("due_at", UtcTime),
    sa.Column("done_at", UtcTime),
    sa.Column("done_by", sa.String(64)),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("source", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("incident_id", "key", name="ux_incident_tasks_key"),
)

INCIDENT_PEOPLE = sa.Table(
    "incident_people",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("person_id", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(64), nullable=False),
    sa.Column("added_at", UtcTime, nullable=False),
    sa.Column("added_by", sa.String(64), nullable=False),
    sa.Column("left_at", UtcTime),
)

INCIDENT_FILES = sa.Table(
    "incident_files",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("added_at", UtcTime, nullable=False),
    sa.Column("added_by", sa.String(64), nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("incident_id", "sha256", name="ux_incident_files_content"),
)

# a warning's notice and response level, drafted from a template, edited and signed by a person
RESPONSES = sa.Table(
    "responses",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("alert_id", sa.String(40), nullable=False, index=True),
    sa.Column("incident_id", sa.String(32)),
    sa.Column("status", sa.String(12), nullable=False),  # draft | signed | withdrawn
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("created_by", sa.String(64), nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("updated_by", sa.String(64), nullable=False),
    sa.Column("signed_at", UtcTime),
    sa.Column("signed_by", sa.String(64)),
    sa.Column("body", sa.JSON, nullable=False),  # texts, level, template and its source, every earlier version
)
# one warning, one response that counts
sa.Index(
    "ux_responses_one",
    RESPONSES.c.alert_id,
    unique=True,
    sqlite_where=RESPONSES.c.status != "withdrawn",
    postgresql_where=RESPONSES.c.status != "withdrawn",
)
