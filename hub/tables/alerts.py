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
    sa.Column("shelved_until", UtcTime),
    sa.Column("closed_at", UtcTime),
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
# which condition may come back; only those that ended lately are in it
sa.Index(
    "alerts_ended",
    ALERTS.c.dedup_key,
    sqlite_where=sa.and_(ALERTS.c.closed_at.is_(None), ALERTS.c.resolved_at.is_not(None)),
    postgresql_where=sa.and_(ALERTS.c.closed_at.is_(None), ALERTS.c.resolved_at.is_not(None)),
)
# what may come back or be put away; the closed of all years are not in it
sa.Index(
    "alerts_resolved",
    ALERTS.c.resolved_at,
    sqlite_where=ALERTS.c.closed_at.is_(None),
    postgresql_where=ALERTS.c.closed_at.is_(None),
)

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
    # what the operator load counts, beside the body so that an index answers without opening it
    sa.Column("level", sa.SmallInteger),
    sa.Column("was_level", sa.SmallInteger),  # before this step; none before the first
    sa.Column("exercise", sa.Boolean),
    sa.Column("topic", sa.String(200)),  # alerts.load.topic_of
    sa.Index("alert_history_alert", "alert_id", "seq"),
    sa.Index("alert_history_at", "at", "kind", "exercise", "level", "was_level", "topic", "alert_id"),
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

SILENCES = sa.Table(
    "silences",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("starts_at", UtcTime, nullable=False),
    sa.Column("ends_at", UtcTime, nullable=False),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("matchers", sa.JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),  # ended by hand before its time
    sa.Column("ended_by", sa.String(64)),
    sa.Column("ended_why", sa.Text),
    sa.Index("silences_ends", "ends_at"),
)

# what each receiver was told last of each group, so that a restart neither repeats nor forgets
NOTIFY_LOG = sa.Table(
    "notify_log",
    metadata,
    sa.Column("receiver", sa.String(64), primary_key=True),
    sa.Column("group_key", sa.String(64), primary_key=True),  # SHA-256 of the group's labels
    sa.Column("sent_at", UtcTime, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

NOTIFY_CURSOR = sa.Table(
    "notify_cursor",
    metadata,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),  # every event up to this number has been told or needs no telling
)

RULE_VERSIONS = sa.Table(
    "rule_versions",
    metadata,
    sa.Column("no", _BIG_ID, primary_key=True, autoincrement=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),  # file | page | restore
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),  # SHA-256 of the text
    sa.Column("text", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

SIGHTINGS = sa.Table(
    "sightings",
    metadata,
    sa.Column("seq", _BIG_ID, primary_key=True, autoincrement=True),  # rules read on from the last one they judged
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),  # the source's own: repeats change nothing
    sa.Column("exercise", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("lon", sa.Double, nullable=False),
    sa.Column("lat", sa.Double, nullable=False),
    sa.Column("observed_at", UtcTime, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.UniqueConstraint("source", "exercise", "id", name="ux_sightings_report"),
    sa.Index("sightings_observed", "observed_at"),
    sa.Index("sightings_received", "received_at"),
    sqlite_autoincrement=True,
)

# received warnings as they came, to be passed on unchanged
CAP_ORIGINALS = sa.Table(
    "cap_originals",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),  # SHA-256 of sender and identifier
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
)

FEED_CURSORS = sa.Table(
    "feed_cursors",
    metadata,
    sa.Column("feed", sa.String(64), primary_key=True),
    sa.Column("body", sa.JSON, nullable=False),  # what a feed must remember between two looks (ETag, last entry)
)
