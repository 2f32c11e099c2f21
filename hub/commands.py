"""The commands beside `web` and `engine`: serve, import, sample, drill, user, sink, audit."""

import argparse
import getpass
import os
import secrets
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from alerts.feeds.drill import run, step_for, storm_frames
from alerts.handling import load_handling
from alerts.native_levels import schemes
from alerts.ports import Reject
from dispatch.channels import build_channels
from dispatch.plans import load_plans
from dispatch.roster_file import read_people
from dispatch.sample_people import sample_people
from geodata import import_cli
from geodata.clock import utc_now
from geodata.datasets import DATASETS
from geodata.errors import BadInput, NotConfigured
from geodata.imports import ImportReport
from geodata.sample.build import build
from hub.compose_incidents import check_dispatch_files
from hub.compose_stores import ROOT, open_stores, rule_book
from hub.config_files import read_config
from hub.feeds.book import FeedsBook
from hub.receivers import parse_receivers
from hub.rights import ROLES
from hub.routing_file import RoutingFile
from hub.serve import DEMO_ACCOUNTS, FRESH, KEPT
from hub.settings import Settings
from hub.sink import run_sink

DRILLS = ("storm-2020-08-14",)


def _parser(name: str, words: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python app.py {name}", description=words)


def import_command(arguments: list[str], settings: Settings) -> int:
    parser = _parser("import", "导入一个图层文件")
    import_cli.add_arguments(parser)
    return import_layer(parser.parse_args(arguments), open_stores(settings))


def sample_command(arguments: list[str], settings: Settings) -> int:
    parser = _parser("sample", "生成示例城市(示例数据)")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    return sample(open_stores(settings), parser.parse_args(arguments).scale)


def people_command(arguments: list[str], settings: Settings) -> int:
    parser = _parser("people", "导入人员名录(CSV 或 XLSX);同编号者更新,其余不动")
    parser.add_argument("file", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="只检查,不写入")
    return put_people(parser.parse_args(arguments), open_stores(settings))


def drill_command(arguments: list[str], settings: Settings) -> int:
    parser = _parser("drill", "通过同一接入口回放一场演练")
    parser.add_argument("name", choices=DRILLS)
    parser.add_argument("--speed", type=float, default=60.0, help="倍速,默认 60")
    parser.add_argument("--rounds", type=int, default=1, help="回放几遍;0 为一直重复")
    parser.add_argument("--url", default="", help="接入地址;默认按设置")
    return drill(parser.parse_args(arguments), settings, open_stores(settings))


def user_command(arguments: list[str], settings: Settings) -> int:
    parser = _parser("user", "新建账号或重设口令(口令从键盘读入)")
    parser.add_argument("username")
    parser.add_argument("--role", choices=tuple(ROLES), required=True)
    parser.add_argument("--name", default="")
    return put_user(parser.parse_args(arguments), open_stores(settings))


def sink_command(arguments: list[str], _settings: Settings) -> int:
    parser = _parser("sink", "演练收件箱:本机的邮件与消息接收端")
    parser.add_argument("--http-port", type=int, default=8051)
    parser.add_argument("--smtp-port", type=int, default=8025)
    args = parser.parse_args(arguments)
    run_sink("127.0.0.1", args.http_port, args.smtp_port)
    return 0


def audit_command(arguments: list[str], settings: Settings) -> int:
    _parser("audit", "核对审计链").parse_args(arguments)
    return verify_audit(open_stores(settings))


def check_command(arguments: list[str], settings: Settings) -> int:
    """Everything that must be right before the parts start; the first trouble is the error.

    `--start` is what `serve` asks: a wrong rules file is only told, if a sound version is in force, and a wrong routing
    file too. Whoever starts after a power cut must not stand without a system for a line somebody wrote last week.
    """
    parser = _parser("check", "检查设置、数据库、规则、预案与其他配置文件,不启动")
    parser.add_argument("--start", action="store_true", help="启动前的检查:有上一版可用的规则、通知路由有误时只提示")
    starting = parser.parse_args(arguments).start
    stores = open_stores(settings)
    book = rule_book(stores)
    rules = book.rules()
    if book.problem:
        _tell(f"{book.problem}\n仍按第 {book.version_no} 版规则运行;请改正 {settings.rules_file}", starting)
    try:
        read_config(ROOT / settings.routing_file, lambda path: RoutingFile(path)())
    except BadInput as wrong:
        _tell(f"{wrong}\n改正通知路由之前,告警不会通知任何接收方", starting)
    plans = read_config(ROOT / settings.plans_file, load_plans)
    check_dispatch_files(settings)
    read_config(ROOT / settings.alert_handling_file, load_handling)
    schemes()
    build_channels(settings.smtp_url.get_secret_value(), settings.webhook_url.get_secret_value())
    parse_receivers(settings.receivers.get_secret_value())
    feeds = read_config(ROOT / settings.feeds_file, lambda path: FeedsBook(path).checked())
    layers = [spec.id for spec in DATASETS if stores.catalog.exists(spec.id)]
    counts = f"规则 {len(rules.active)} 条,预案 {len(plans.plans)} 类,图层 {len(layers)} 个,接入 {len(feeds.active)} 个"
    print(f"检查通过:{counts}", flush=True)
    return 0


def _tell(trouble: str, only_told: bool) -> None:
    if not only_told:
        raise BadInput(trouble)
    print(f"注意:{trouble}", file=sys.stderr, flush=True)


def demo_command(arguments: list[str], settings: Settings) -> int:
    """For `serve`: sample city and demo accounts where there are none; the password comes in the environment."""
    stores = open_stores(settings)
    if not stores.catalog.exists("sensors"):
        sample(stores, "small")
    if stores.auth.has_user("duty") and "--reset" not in arguments:
        return KEPT
    for username, name, role in DEMO_ACCOUNTS:
        stores.auth.put_user(username, name, role, os.environ[FRESH])
    return 0


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


def put_people(args: argparse.Namespace, stores: Any) -> int:
    """Store the people of a file; refused rows are printed and kept in the rejects list. 1 when none was taken."""
    people, refused = read_people(args.file)
    now = utc_now()
    if not args.dry_run:
        try:
            stores.roster.upsert(people)
        except sa.exc.IntegrityError:
            raise BadInput("账号重复:一个账号只能属于一个人,没有写入;请检查「账号」列") from None
        stores.rejects.add(Reject("import:people", one.row, one.reason, one.original, now) for one in refused)
        stores.audit.record("command-line", "people.put", str(args.file), {"note": f"{len(people)} people"}, now)
    done = "检查完成(没有写入)" if args.dry_run else "导入完成"
    print(f"{done}:人员名录,读取 {len(people) + len(refused)} = 写入 {len(people)} + 拒收 {len(refused)}")
    for one in refused[:10]:
        print(f"  拒收 第 {one.row} 行:{one.reason}")
    return 0 if people else 1


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
