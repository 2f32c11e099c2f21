"""Readings posted as JSON to `/api/v1/observations`: always there, counted by the account that posts."""

from alerts.feeds.model import Feed

HTTP_JSON = Feed(
    kind="http",
    title="HTTP JSON 读数",
    transport="http",
    carries="readings",
    how="POST /api/v1/observations,用接入账号的令牌",
)
