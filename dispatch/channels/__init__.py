"""The built-in call channels. A channel is one module with a `make_…` function, named in `BUILTIN_CHANNELS`."""

from collections.abc import Callable
from dataclasses import dataclass

from dispatch.channels.email import make_email
from dispatch.channels.webhook import make_webhook
from dispatch.ports import Channel


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """How a channel is made from its setting; an empty setting makes one that is not configured."""

    id: str
    setting: str
    make: Callable[[str], Channel]


BUILTIN_CHANNELS = (
    ChannelKind("webhook", "webhook_url", make_webhook),
    ChannelKind("email", "smtp_url", make_email),
)


def build_channels(smtp_url: str, webhook_url: str) -> dict[str, Channel]:
    """Channel id → channel, from the settings. A setting that cannot be used raises `BadInput` that names it."""
    urls = {"smtp_url": smtp_url, "webhook_url": webhook_url}
    found: dict[str, Channel] = {}
    for kind in BUILTIN_CHANNELS:
        if kind.id in found:
            raise ValueError(f"channel id {kind.id} twice")
        found[kind.id] = kind.make(urls[kind.setting])
    return found
