"""Which runner serves which kind of feed (see hub/feeds/process.py for what a runner is)."""

from hub.feeds.cap_poll import run_cap_poll
from hub.feeds.folder import run_folder
from hub.feeds.mqtt import run_mqtt
from hub.feeds.process import Runner

RUNNERS: dict[str, Runner] = {"mqtt": run_mqtt, "folder": run_folder, "cap": run_cap_poll}
