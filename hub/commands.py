"""The commands beside `web` and `engine`: serve, import, sample, drill, user, sink, audit."""

import argparse
import getpass
import secrets
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from alerts.feeds.drill import run, step_for, storm_frames
from alerts.ports import Reject
from dispatch.sample_people import sample_people
from geodata import import_cli
from geodata.clock import utc_now
from geodata.errors import BadInput, NotConfigured
from geodata.imports import ImportReport
from geodata.sample.build import build
from hub.rights import ROLES
from hub.serve import Serve
from hub.settings import Settings
from hub.sink import run_sink

OpenStores = Callable[[Settings], Any]
DRILLS = ("storm-2020-08-14",)


def add_commands(commands: Any, open_stores: OpenStores, listen: Callable[[Settings], socket.socket]) -> None:
    """Add each command's arguments and what it runs."""
    serving = commands.add_parser("serve", help="启动全部:网页、引擎、内置 Redis;演示模式另有收件箱与暴雨演练")
    serving.set_defaults(run=lambda _args, settings: Serve(settings, open_stores, listen).run())

    importing = commands.add_parser("import", help="导入一个图层文件")
    import_cli.add_arguments(importing)
    importing.set_defaults(run=lambda args, settings: import_layer(args, open_stores(settings)))

    sampling = commands.add_parser("sample", help="生成示例城市(示例数据)")
    sampling.add_argument("--scale", choices=("small", "full"), default="small")
    sampling.set_defaults(run=lambda args, settings: sample(open_stores(settings), args.scale))

    drilling = commands.add_parser("drill", help="通过同一接入口回放一场演练")
    drilling.add_argument("name", choices=DRILLS)
    drilling.add_argument("--speed", type=float, default=60.0, help="倍速,默认 60")
    drilling.add_argument("--rounds", type=int, default=1, help="回放几遍;0 为一直重复")
    drilling.add_argument("--url", default="", help="接入地址;默认按设置")
    drilling.set_defaults(run=lambda args, settings: drill(args, settings, open_stores(settings)))

    accounts = commands.add_parser("user", help="新建账号或重设口令(口令从键盘读入)")
    accounts.add_argument("username")
    accounts.add_argument("--role", choices=tuple(ROLES), required=True)
    accounts.add_argument("--name", default="")
    accounts.set_defaults(run=lambda args, settings: put_user(args, open_stores(settings)))

    inbox = commands.add_parser("sink", help="演练收件箱:本机的邮件与消息接收端")
    inbox.add_argument("--http-port", type=int, default=8051)
    inbox.add_argument("--smtp-port", type=int, default=8025)
    inbox.set_defaults(run=lambda args, _settings: run_sink("127.0.0.1", args.http_port, args.smtp_port) or 0)

    checking = commands.add_parser("audit", help="核对审计链")
    checking.set_defaults(run=lambda _args, settings: verify_audit(open_stores(settings)))


def import_layer(args: argparse.Namespace, stores: Any) -> int:
    """Import, keep the refused rows in the rejects list, and give new sensors their numbers."""
    now = utc_now()

    def keep(report: ImportReport) -> None:
        source = f"import:{report.dataset}"
        stores.rejects.add(Reject(source, item.row, item.reason, item.original, now) for item in report.rejects)

    code = import_cli.run(args, stores.catalog, now, keep)
    if args.layer == "sensors" and stores.catalog.exists("sensors") and not args.dry_run:
        stores.registry.register(stores.catalog.read("sensors")["id"].tolist())
    stores.audit.record("command-line", "import", str(args.layer), {"note": str(args.file)}, now)
    return code


def sample(stores: Any, scale: str) -> int:
    """Write the sample city and its people. Refuses to write over data that is not a sample."""
    catalog = stores.catalog
    for path in sorted(catalog.folder.glob("*.parquet")) if catalog.folder.exists() else []:
        frame = catalog.read(path.stem)
        if len(frame) and not bool(frame["sample"].all()):
            raise BadInput(f"图层 {path.stem} 里有真实数据,不会用示例数据覆盖;换一个 CITYBRAIN_DATA_DIR")
    began = time.monotonic()
    counts = build(catalog, scale, lambda name, share: print(f"  示例数据 {share:4.0%} {name}", flush=True))
    stores.registry.register(catalog.read("sensors")["id"].tolist())
    people = stores.roster.replace_sample(sample_people(scale))
    took = time.monotonic() - began
    print(f"示例城市({scale}):{sum(counts.values()):,} 个要素,{people} 名示例人员,用时 {took:.1f} 秒", flush=True)
    return 0


def drill(args: argparse.Namespace, settings: Settings, stores: Any) -> int:
    """Replay a storm through the HTTP intake of the running server, as the drill's own account."""
    if not stores.catalog.exists("sensors"):
        raise NotConfigured("没有传感器图层;先运行 python app.py sample")
    stores.auth.ensure_service("drill", "演练数据源", "service")
    token, _ = stores.auth.issue("drill", "api", utc_now(), timedelta(days=7))
    frames = storm_frames(stores.catalog.read("sensors"), args.name, step_for(args.speed), args.rounds or None)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=args.url or settings.base_url, headers=headers, timeout=10, trust_env=False) as client:

        def post(batch: dict[str, Any]) -> None:
            client.post("/api/v1/observations", json=batch).raise_for_status()

        def label(frame: Any) -> None:
            try:
                client.post("/api/v1/exercise", json={"id": args.name, "label": frame.label})
            except httpx.HTTPError:
                return  # the readings' own retry says it

        run(post, frames, args.speed, utc_now, time.sleep, lambda text: print(text, flush=True), on_frame=label)
    return 0


def put_user(args: argparse.Namespace, stores: Any) -> int:
    password = getpass.getpass("口令:")
    if not secrets.compare_digest(password, getpass.getpass("再输一次:")):
        raise BadInput("两次输入不一致,没有保存")
    stores.auth.put_user(args.username, args.name or args.username, args.role, password)
    stores.audit.record("command-line", "user.put", args.username, {"role": args.role}, utc_now())
    print(f"账号 {args.username}({ROLES[args.role]})已保存")
    return 0


def verify_audit(stores: Any) -> int:
    broken = stores.audit.verify()
    print("审计链完整" if broken is None else f"审计链在第 {broken} 条断开:该条被改动,或它前面的记录被删除")
    return 0 if broken is None else 1
