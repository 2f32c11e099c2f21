"""The watched folder: whole files once, nothing half, nothing by links, the reason beside what is refused."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from alerts.feeds.folder import FolderSpec
from alerts.feeds.model import FeedSpec
from hub.database import Database
from hub.feeds.folder import WatchedFolder
from tests.hub.feed_parts import Parts

CAP = Path(__file__).resolve().parents[1] / "data"
HEAD = "sensor,quantity,value,observed_at\n"


def line(sensor: str, value: object = 0.1, ago_s: float = 60) -> str:
    return f"{sensor},depth_m,{value},{(datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat()}\n"


@pytest.fixture
def parts(database: Database, client: redis.Redis) -> Iterator[Parts]:
    made = Parts(database, client)
    with made.storing():
        yield made


@pytest.fixture
def folder(parts: Parts, tmp_path: Path) -> WatchedFolder:
    return watched(parts, tmp_path / "in")


def watched(parts: Parts, path: Path, **more: object) -> WatchedFolder:
    path.mkdir(exist_ok=True)
    spec = FeedSpec("box", "folder", "文件夹", FolderSpec(str(path), settle_s=0.0, **more))  # type: ignore[arg-type]
    parts.board.declare(spec)
    made = WatchedFolder(spec.own, parts.door(spec), threading.Event())
    made.prepare()
    return made


def said(folder: WatchedFolder, place: str, name: str) -> str:
    return (folder.root / place / f"{name}.txt").read_text(encoding="utf-8")


def test_good_rows_are_stored_bad_ones_named_and_the_same_again_is_a_duplicate(
    parts: Parts, folder: WatchedFolder
) -> None:
    text = HEAD + line("g001") + line("nobody") + line("g002", "wet")
    (folder.root / "a.csv").write_text(text)
    folder.step()
    assert parts.stored() == 1
    assert said(folder, "done", "a.csv").startswith("接收 1 条,拒收 2 条")
    assert {one.index for one in parts.rejects.latest(source="feed:box")} == {1, 2}
    (folder.root / "b.csv").write_text(text)
    (folder.root / "a.csv").write_text(text)
    folder.step()
    assert "重复" in said(folder, "done", "b.csv")
    assert "重复" in said(folder, "done", "a.2.csv")
    fact = parts.fact("box")
    assert (parts.stored(), fact.accepted, fact.rejected) == (1, 1, 2)


def test_what_cannot_be_used_goes_to_failed_with_its_reason(
    parts: Parts, folder: WatchedFolder, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(HEAD + line("g001"))
    os.symlink(secret, folder.root / "link.csv")
    os.link(secret, folder.root / "hard.csv")
    os.mkfifo(folder.root / "pipe.csv")
    (folder.root / "packed.zip").write_bytes(b"PK\x03\x04" + b"0" * 100)
    (folder.root / "empty.csv").write_text("")
    (folder.root / "none.csv").write_text(HEAD + line("nobody"))
    (folder.root / "warning.xml").write_text("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    (folder.root / "deeper").mkdir()
    (folder.root / "deeper" / "x.csv").write_text(HEAD + line("g001"))
    folder.step()
    failed = {path.name for path in (folder.root / "failed").iterdir() if path.suffix != ".txt"}
    assert failed == {"link.csv", "hard.csv", "pipe.csv", "packed.zip", "empty.csv", "none.csv", "warning.xml"}
    assert all(said(folder, "failed", name).strip() for name in failed)
    assert parts.stored() == 0
    assert len({one.reason for one in parts.rejects.latest(source="feed:box")}) >= 6
    assert (folder.root / "deeper" / "x.csv").exists()
    assert secret.read_text().startswith(HEAD)


def test_a_file_too_large_is_refused_unread(parts: Parts, tmp_path: Path) -> None:
    folder = watched(parts, tmp_path / "small", max_bytes=200)
    (folder.root / "big.csv").write_text(HEAD + line("g001") * 50)
    folder.step()
    assert "超过上限" in said(folder, "failed", "big.csv")


def test_a_file_that_still_grows_is_left_alone(parts: Parts, tmp_path: Path) -> None:
    folder = watched(parts, tmp_path / "slow", every_s=0.1)
    object.__setattr__(folder.spec, "settle_s", 0.3)
    path = folder.root / "slow.csv"
    path.write_text(HEAD)
    for number in range(4):
        folder.step()
        with path.open("a") as file:
            file.write(line(f"g{number:03}"))
        threading.Event().wait(0.1)
    assert parts.stored() == 0
    assert path.exists()
    folder.step()
    threading.Event().wait(0.4)
    folder.step()
    assert parts.stored() == 4


def test_a_taker_that_dies_at_any_point_leaves_a_whole_or_nothing(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after the claim, after the readings were stored, after the mark: the next one ends it, once."""
    for number, name in enumerate(["door.take", "folder._write", "folder._put_away"]):
        folder = watched(parts, tmp_path / f"cut{number}")
        before = parts.stored()
        (folder.root / "a.csv").write_text(HEAD + "".join(line(f"g{10 * number + one:03}") for one in range(10)))
        what, method = name.split(".")
        with monkeypatch.context() as cut:
            cut.setattr(
                folder.door if what == "door" else folder, method, lambda *_: (_ for _ in ()).throw(OSError("cut"))
            )
            with pytest.raises(OSError, match="cut"):
                folder.step()
        assert (folder.root / "working" / "a.csv").exists()
        watched(parts, tmp_path / f"cut{number}").step()
        assert parts.stored() == before + 10
        assert (folder.root / "done" / "a.csv").exists()
        assert list((folder.root / "working").iterdir()) == []


def test_two_takers_take_each_file_once(parts: Parts, tmp_path: Path) -> None:
    first = watched(parts, tmp_path / "two")
    second = WatchedFolder(first.spec, parts.door(FeedSpec("box", "folder", "", first.spec)), threading.Event())
    for number in range(40):
        (first.root / f"{number}.csv").write_text(HEAD + line(f"g{number:03}"))
    threads = [threading.Thread(target=one.step) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    first.step()
    assert parts.stored() == 40
    assert len([path for path in (first.root / "done").iterdir() if path.suffix == ".csv"]) == 40


@pytest.mark.parametrize(
    "name",
    ["水文.csv".encode("gb18030"), ("水" * 83 + ".csv").encode(), b"a" * 251 + b".csv"],
    ids=["a name in GBK", "as long as a name may be", "the same in ASCII"],
)
@pytest.mark.parametrize("text", [HEAD + line("g001"), "not,a,reading\n"], ids=["good", "refused"])
def test_a_file_of_an_awkward_name_is_taken_and_holds_up_no_other(
    parts: Parts, folder: WatchedFolder, name: bytes, text: str
) -> None:
    with open(os.fsencode(folder.root) + b"/" + name, "w", encoding="utf-8") as file:
        file.write(text)
    (folder.root / "z.csv").write_text(HEAD + line("g002"))
    folder.step()
    assert parts.stored() == (2 if text.startswith(HEAD) else 1)
    assert os.listdir(folder.root / "working") == []
    place = "done" if text.startswith(HEAD) else "failed"
    assert len([one for one in os.listdir(folder.root / place) if one.endswith(".csv") and one != "z.csv"]) == 1
    folder.step()
