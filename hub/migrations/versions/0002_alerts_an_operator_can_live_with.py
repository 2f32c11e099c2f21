"""Alerts an operator can live with"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.database import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cap_originals",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "feed_cursors",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("feed"),
    )
    op.create_table(
        "notify_cursor",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "notify_log",
        sa.Column("receiver", sa.String(length=64), nullable=False),
        sa.Column("group_key", sa.String(length=64), nullable=False),
        sa.Column("sent_at", UtcTime(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("receiver", "group_key"),
    )
    op.create_table(
        "responses",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("alert_id", sa.String(length=40), nullable=False),
        sa.Column("incident_id", sa.String(length=32), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.Column("signed_at", UtcTime(), nullable=True),
        sa.Column("signed_by", sa.String(length=64), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_responses_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(
            "ux_responses_one",
            ["alert_id"],
            unique=True,
            sqlite_where=sa.text("status != 'withdrawn'"),
            postgresql_where=sa.text("status != 'withdrawn'"),
        )

    op.create_table(
        "rule_versions",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sightings",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("exercise", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("observed_at", UtcTime(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("source", "exercise", "id", name="ux_sightings_report"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sightings", schema=None) as batch_op:
        batch_op.create_index("sightings_observed", ["observed_at"], unique=False)
        batch_op.create_index("sightings_received", ["received_at"], unique=False)

    op.create_table(
        "silences",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("starts_at", UtcTime(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("silences", schema=None) as batch_op:
        batch_op.create_index("silences_ends", ["ends_at"], unique=False)

    op.create_table(
        "incident_files",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("incident_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("incident_id", "sha256", name="ux_incident_files_content"),
    )
    with op.batch_alter_table("incident_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_files_incident_id"), ["incident_id"], unique=False)

    op.create_table(
        "incident_people",
        sa.Column("incident_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("left_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
        ),
        sa.PrimaryKeyConstraint("incident_id", "person_id"),
    )
    op.create_table(
        "incident_tasks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("incident_id", sa.String(length=32), nullable=False),
        sa.Column("step_no", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("done_at", UtcTime(), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("incident_id", "key", name="ux_incident_tasks_key"),
    )
    with op.batch_alter_table("incident_tasks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_tasks_incident_id"), ["incident_id"], unique=False)

    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shelved_until", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("closed_at", UtcTime(), nullable=True))
        batch_op.create_index(
            "alerts_ended",
            ["dedup_key"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL AND resolved_at IS NOT NULL"),
            postgresql_where=sa.text("closed_at IS NULL AND resolved_at IS NOT NULL"),
        )
        batch_op.create_index(
            "alerts_resolved",
            ["resolved_at"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    with op.batch_alter_table("alert_history", schema=None) as batch_op:
        batch_op.add_column(sa.Column("level", sa.SmallInteger(), nullable=True))
        batch_op.add_column(sa.Column("was_level", sa.SmallInteger(), nullable=True))
        batch_op.add_column(sa.Column("exercise", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("topic", sa.String(length=200), nullable=True))
        batch_op.drop_index("alert_history_at")
    _count_old_steps(op.get_bind())
    op.create_index(
        "alert_history_at", "alert_history", ["at", "kind", "exercise", "level", "was_level", "topic", "alert_id"]
    )

    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closed_why", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("merged_into", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("updated_at", UtcTime(), nullable=True))


def _count_old_steps(connection: sa.Connection) -> None:
    """What the operator load counts, for the steps written before it was kept beside them."""
    history = sa.table(
        "alert_history",
        *(sa.column(name) for name in ("seq", "alert_id", "body", "level", "was_level", "exercise", "topic")),
    )
    statement = history.update().where(history.c.seq == sa.bindparam("row")).values(
        {name: sa.bindparam(f"new_{name}") for name in ("level", "was_level", "exercise", "topic")}
    )  # fmt: skip
    levels: dict[str, int] = {}
    after = -1
    while True:
        query = sa.select(history.c.seq, history.c.alert_id, history.c.body).where(history.c.seq > after)
        rows = connection.execute(query.order_by(history.c.seq).limit(2_000)).all()
        if not rows:
            return
        values = [_counted(row, levels) for row in rows]
        connection.execute(statement, values)
        after = rows[-1].seq


def _counted(row: Any, levels: dict[str, int]) -> dict[str, Any]:
    plain = json.loads(bytes(row.body))
    was, level = levels.get(row.alert_id), int(plain["level_no"])
    levels[row.alert_id] = level
    if plain.get("rule_id"):
        topic = f"rule:{plain['rule_id']}:{plain.get('sensor') or plain.get('place') or ''}"
    else:
        topic = f"{plain['source']}:{plain.get('sender') or ''}:{plain['event']}"
    return {
        "row": row.seq, "new_level": level, "new_was_level": was, "new_exercise": plain["status"] != "Actual",
        "new_topic": topic[:200],
    }  # fmt: skip


def downgrade() -> None:
    op.drop_table("cap_originals")
    # not in batches: those build the table anew, which SQLite refuses where others refer to its rows
    for name in ("updated_at", "merged_into", "closed_why"):
        op.drop_column("incidents", name)

    op.drop_index("alert_history_at", "alert_history")
    for name in ("topic", "exercise", "was_level", "level"):
        op.drop_column("alert_history", name)
    op.create_index("alert_history_at", "alert_history", ["at"])

    op.drop_index("alerts_resolved", "alerts")
    op.drop_index("alerts_ended", "alerts")
    for name in ("closed_at", "shelved_until"):
        op.drop_column("alerts", name)

    with op.batch_alter_table("incident_tasks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_tasks_incident_id"))

    op.drop_table("incident_tasks")
    op.drop_table("incident_people")
    with op.batch_alter_table("incident_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_files_incident_id"))

    op.drop_table("incident_files")
    with op.batch_alter_table("silences", schema=None) as batch_op:
        batch_op.drop_index("silences_ends")

    op.drop_table("silences")
    with op.batch_alter_table("sightings", schema=None) as batch_op:
        batch_op.drop_index("sightings_received")
        batch_op.drop_index("sightings_observed")

    op.drop_table("sightings")
    op.drop_table("rule_versions")
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_responses_one",
            sqlite_where=sa.text("status != 'withdrawn'"),
            postgresql_where=sa.text("status != 'withdrawn'"),
        )
        batch_op.drop_index(batch_op.f("ix_responses_alert_id"))

    op.drop_table("responses")
    op.drop_table("notify_log")
    op.drop_table("notify_cursor")
    op.drop_table("feed_cursors")
