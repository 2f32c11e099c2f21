"""The composition root and the command line: `python app.py COMMAND …`.

A command's modules are imported when it runs: `serve` itself must start at once, and only its children need the rest.
"""

import os
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from geodata.errors import CityError
from hub.logs import configure_logs
from hub.settings import Settings

Command = Callable[[list[str], Settings], int]

# command → (where it is, what the operator reads)
COMMANDS = {
    "serve": ("app:serve_command", "启动全部:网页、引擎、内置 Redis;演示模式另有收件箱与暴雨演练"),
    "web": ("app:web_command", "一个网页进程(serve 会启动它)"),
    "engine": ("app:engine_command", "一个引擎进程(serve 会启动它)"),
    "feeds": ("hub.feeds.compose:feeds_command", "一个接入进程:MQTT、文件夹等(接入文件里有接入时 serve 会启动它)"),
    "import": ("hub.commands:import_command", "导入一个图层文件"),
    "sample": ("hub.commands:sample_command", "生成示例城市(示例数据)"),
    "people": ("hub.commands:people_command", "导入人员名录(CSV 或 XLSX)"),
    "drill": ("hub.commands:drill_command", "通过同一接入口回放一场演练"),
    "user": ("hub.commands:user_command", "新建账号或重设口令(口令从键盘读入)"),
    "check": ("hub.commands:check_command", "检查设置、数据库、规则与预案,不启动"),
    "sink": ("hub.commands:sink_command", "演练收件箱:本机的邮件与消息接收端"),
    "demo": ("hub.commands:demo_command", ""),
    "audit": ("hub.commands:audit_command", "核对审计链"),
}


def web(settings: Settings, listener: socket.socket) -> int:
    """One web process: screens, API, tiles and stream on `listener`, until a signal."""
    import uvicorn
    from flask import Flask

    from callbacks.build import ASSETS, build_screens
    from hub.api.app import create_asgi
    from hub.compose import build_hub, warm_up
    from hub.compose_stores import open_stores
    from hub.memory import settle_memory
    from hub.relay import Relay

    stores = open_stores(settings)
    flask_app = Flask("citybrain")
    hub = build_hub(stores, flask_app)
    screens = build_screens(flask_app, hub.services)
    hashes = {name: list(screen.csp_hashes()) for name, screen in screens.items()}
    relay = Relay(stores.database, hub.bus.client)
    relay.start()
    warm_up(hub.services)
    settle_memory()
    config = uvicorn.Config(
        create_asgi(hub, flask_app, hashes, ASSETS), log_level="warning", access_log=False,
        timeout_graceful_shutdown=5, timeout_keep_alive=30,
    )  # fmt: skip
    server = uvicorn.Server(config)
    leave = server.handle_exit

    def handle_exit(number: int, frame: Any) -> None:
        hub.push.end()  # open streams would hold the server until its grace time is over
        leave(number, frame)

    server.handle_exit = handle_exit  # type: ignore[assignment]
    server.run(sockets=[listener])
    hub.renderer.stop()
    relay.stop()
    return 0


def serve_command(_arguments: list[str], settings: Settings) -> int:
    from hub.serve import Serve
    from hub.supervisor import Supervisor

    return Serve(settings, Supervisor(run_part, {})).run()


def web_command(_arguments: list[str], settings: Settings) -> int:
    from hub.listen import listen

    return web(settings, listen(settings))


def engine_command(_arguments: list[str], settings: Settings) -> int:
    from hub.compose_engine import engine

    return engine(settings)


def run_part(name: str, environment: dict[str, str], arguments: list[str], listener: socket.socket | None) -> None:
    """A child of `serve`: command `arguments` under its own process name, with the settings that `serve` worked out."""
    os.environ.update(environment)
    with open("/proc/self/comm", "w") as comm:  # so that ps shows which part it is
        comm.write(f"city-{name}"[:15])
    settings = Settings()
    configure_logs(settings.log_level)
    sys.exit(web(settings, listener) if listener is not None else main(arguments))


def find(place: str) -> Command:
    module, name = place.split(":")
    found: Any = getattr(import_module(module), name)
    return found  # type: ignore[no-any-return]


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Errors an operator can mend come as one line on stderr, with exit code 1."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given or given[0] not in COMMANDS:
        wants_help = bool(given) and given[0] in {"-h", "--help"}
        lines = [f"  {name:8} {words}" for name, (_, words) in COMMANDS.items() if words]
        print("\n".join(["用法:python app.py 命令 …", *lines]), file=sys.stdout if wants_help else sys.stderr)
        return 0 if wants_help else 2
    try:
        settings = Settings()
        configure_logs(settings.log_level)
        return find(COMMANDS[given[0]][0])(given[1:], settings)
    except CityError as problem:
        print(f"错误:{problem}", file=sys.stderr)
        return 1
    except ValidationError as problem:
        for wrong in problem.errors():
            name = "CITYBRAIN_" + "_".join(str(part) for part in wrong["loc"]).upper()
            print(f"错误:设置 {name} 有误:{wrong['msg']}(收到 {wrong['input']!r})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
