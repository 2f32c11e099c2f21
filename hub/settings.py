"""Every setting, from `CITYBRAIN_…` environment variables. `docs/settings.md` lists them; a test keeps it true."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one installation. Secrets are `SecretStr`, so that no log or page can show them."""

    model_config = SettingsConfigDict(env_prefix="CITYBRAIN_", env_file=None, extra="ignore", frozen=True)

    data_dir: Path = Field(Path("var"), description="Where state lives: database, map data, Redis files, secrets.")
    host: str = Field("127.0.0.1", description="Address the web process listens on.")
    port: int = Field(8050, ge=0, le=65535, description="Port the web process listens on.")
    public_url: str = Field(
        "", description="Address people reach it by; stands in receipt links. Empty: http://host:port."
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data directory.")
    redis_url: str = Field("", description="Redis URL; empty: an embedded Redis in the data directory.")
    demo: bool = Field(False, description="Demo accounts, message sink and storm drill; never in service.")
    drill: str = Field("storm-2020-08-14", description="Drill that serve repeats in demo mode; empty: none.")
    demo_password: SecretStr = Field(
        SecretStr(""), description="Password of the demo accounts; empty: a random one, printed once."
    )
    city_name: str = Field("临沂市", description="The city's name in the header.")
    rules_file: Path = Field(Path("alerts/rules.yaml"), description="Threshold rules, YAML.")
    alert_handling_file: Path = Field(
        Path("alerts/handling.yaml"), description="Reopening, chatter, shelves, escalation, closing of alerts, YAML."
    )
    feeds_file: Path = Field(Path("alerts/feeds.yaml"), description="Feeds in and their limits, YAML.")
    plans_file: Path = Field(Path("dispatch/plans.yaml"), description="Plans (预案), YAML.")
    handling_file: Path = Field(Path("dispatch/handling.yaml"), description="Steps and deadlines of handling, YAML.")
    causes_file: Path = Field(Path("dispatch/causes.yaml"), description="Which alerts belong together, YAML.")
    responses_file: Path = Field(Path("dispatch/responses.yaml"), description="Templates of notices, YAML.")
    attachment_max_bytes: int = Field(20_000_000, ge=1_000, description="Largest attachment of an incident.")
    incident_max_bytes: int = Field(200_000_000, ge=1_000, description="All attachments of one incident together.")
    routing_file: Path = Field(
        Path("alerts/routing.yaml"), description="Who is notified of which alerts (routes, grouping), YAML."
    )
    receivers: SecretStr = Field(
        SecretStr(""),
        description="Addresses of the receivers named in the routing file: name=https://… name=https://…. Empty: none.",
    )
    session_hours: int = Field(12, ge=1, le=168, description="How long a sign-in lasts.")
    reading_days: int = Field(30, ge=1, description="How long readings are kept.")
    ingest_max_bytes: int = Field(16_000_000, ge=1_000, description="Largest request body accepted.")
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="Mail server for calls: smtp://[user:password@]host:port?from=address, or smtps://…. Empty: off.",
    )
    webhook_url: SecretStr = Field(
        SecretStr(""),
        description="The city's message gateway for calls: http(s) URL that takes a JSON POST. Empty: off.",
    )
    chromium: str = Field("", description="Path of Chromium for reports; empty: looked for on this machine.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    web_workers: int = Field(1, ge=1, le=64, description="Web processes started by serve.")

    @property
    def base_url(self) -> str:
        """The address that stands in links."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def sqlalchemy_url(self) -> str:
        """The database in force."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'citybrain.sqlite').absolute()}"
