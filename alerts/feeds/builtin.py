"""Every kind of feed there is. Adding one: its module, a line here, its runner in hub/feeds/runners.py, its test."""

from alerts.feeds.cap_poll import CAP_POLL
from alerts.feeds.folder import FOLDER
from alerts.feeds.http_json import HTTP_JSON
from alerts.feeds.model import Feed
from alerts.feeds.mqtt import MQTT
from alerts.feeds.sensorthings import SENSORTHINGS

BUILTIN_FEEDS: tuple[Feed, ...] = (HTTP_JSON, SENSORTHINGS, MQTT, FOLDER, CAP_POLL)
