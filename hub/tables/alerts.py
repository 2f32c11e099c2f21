"""Tables of the alerts room: alerts, their history, the engine's state, readings, rejects, sensor numbers, leases."""

import sqlalchemy as sa

from hub.database import UtcTime, metadata

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

ALERTS = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("dedup_key", sa.Text, nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("level", sa.SmallInteger, nullable=False),
    sa.Column("fired_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime),
    sa.Column("resolved_at", UtcTime),
    sa.Column("acknowledged_at", UtcTime),
    sa.Column("incident_id", sa.String(40)),
    sa.Column("body", sa.LargeBinary, nullable=False),  # the whole alert, as alerts.model_json writes it
)
# one condition, one open alert: kept by the database, whoever writes
sa.Index(
    "alerts_one_open",
    ALERTS.c.dedup_key,
    unique=True,
    sqlite_where=ALERTS.c.resolved_at.is_(None),
    postgresql_where=ALERTS.c.resolved_at.is_(None),
)
sa.Index("alerts_incident", ALERTS.c.incident_id)

IDENTIFIERS = sa.Table(
    "alert_identifiers",
    metadata,
    sa.Column("identifier", sa.Text, primary_key=True),
    sa.Column("alert_id", sa.String(40), sa.ForeignKey(ALERTS.c.id), primary_key=True),
)

HISTORY = sa.Table(
    "alert_history",
    metadata,
    sa.Column("seq", _BIG_ID, primary_key=True, autoincrement=True),
    sa.Column("alert_id", sa.String(40), sa.ForeignKey(ALERTS.c.id), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("alert_history_alert", "alert_id", "seq"),
    sa.Index("alert_history_at", "at"),
)

RULE_STATES = sa.Table(
    "rule_states",
    metadata,
    sa.Column("rule_id", sa.String(160), primary_key=True),
    sa.Column("sensor_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# a drill's readings are another series: they can neither hide nor be hidden by real ones
SERIES = sa.Table(
    "reading_series",
    metadata,
    sa.Column("no", sa.SmallInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("quantity", sa.String(64), nullable=False),
    sa.Column("exercise", sa.String(64), nullable=False),
    sa.UniqueConstraint("quantity", "exercise"),
)

READINGS = sa.Table(
    "readings",
    metadata,
    sa.Column("sensor_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("series_no", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("observed_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

LATEST = sa.Table(
    "latest_readings",
    metadata,
    sa.Column("series_no", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("sensor_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("observed_ms", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

REJECTS = sa.Table(
    "rejects",
    metadata,
    sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("row_index", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("original", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

REJECTS_DROPPED = sa.Table(
    "rejects_dropped",
    metadata,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("count", sa.BigInteger, nullable=False),
)

SENSOR_NUMBERS = sa.Table(
    "sensor_numbers",
    metadata,
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

LEASES = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)
