"""The listening socket of a web process, or of all of them."""

import socket

from geodata.errors import NotConfigured
from hub.settings import Settings


def listen(settings: Settings) -> socket.socket:
    """The listening socket; a taken port is said with what to do."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as problem:
        raise NotConfigured(
            f"端口 {settings.host}:{settings.port} 不能监听({problem.strerror});换一个端口:make run PORT=8060"
        ) from None
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener
