"""Upserts: twice is once, only what a file brings is touched, nothing is half-applied, two at a time lose nothing."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geodata.catalog import Catalog
from geodata.errors import BadInput
from geodata.imports import ImportOptions, ImportReport, import_file

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def put(folder: Path, text: str, name: str = "a.csv", **options: object) -> ImportReport:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return import_file(path, "teams", Catalog(folder), ImportOptions(crs="wgs84", **options), NOW)


def team(number: int, name: str = "队", lon: float = 118.3) -> str:
    return f"T{number},{name},排水,pump,{lon},35.1"


HEAD = "id,name,kind,capabilities,lon,lat"


def lines(*rows: str) -> str:
    return "\n".join([HEAD, *rows, ""])


def test_only_changes_are_stored(tmp_path: Path) -> None:
    assert put(tmp_path, lines(team(1), team(2), team(3))).stored == 3
    report = put(tmp_path, lines(team(4), team(3), team(2, "新名"), team(1, lon=118.31)))
    assert (report.stored, report.unchanged) == (3, 1)
    back = Catalog(tmp_path).read("teams")
    assert back["id"].tolist() == ["T1", "T2", "T3", "T4"], "rows keep their places"
    assert back["name"].tolist() == ["队", "新名", "队", "队"]
    assert back.geometry.x.tolist() == [118.31, 118.3, 118.3, 118.3]


def test_columns_that_a_file_does_not_bring_stay(tmp_path: Path) -> None:
    put(tmp_path, f"{HEAD},members,state\n{team(1)},12,ready\n{team(2)},,\n")
    assert put(tmp_path, lines(team(1), team(2))).unchanged == 2
    assert put(tmp_path, lines(team(1, "新名"), team(2, "新名"), team(3))).stored == 3
    back = Catalog(tmp_path).read("teams")
    assert back["members"].astype(object).where(back["members"].notna(), None).tolist() == [12, None, None]
    assert back["state"].tolist() == ["ready", "", ""]
    assert put(tmp_path, f"{HEAD},members\n{team(1, '新名')},\n").stored == 1, "an empty cell clears the number"
    assert Catalog(tmp_path).read("teams")["members"].isna().all()


def test_dry_run_touches_nothing(tmp_path: Path) -> None:
    report = put(tmp_path, lines(team(1)), dry_run=True)
    assert (report.stored, report.dry_run) == (1, True)
    assert not (tmp_path / "layers").exists()


def test_sample_mark_is_kept_and_said(tmp_path: Path) -> None:
    report = put(tmp_path, lines(team(1), team(2)), sample=True)
    assert any("2 条示例数据" in note for note in report.notes)
    report = put(tmp_path, lines(team(1)))
    assert report.stored == 1, "real data takes the mark away"
    assert Catalog(tmp_path).read("teams")["sample"].tolist() == [False, True]


def test_a_naive_now_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(lines(team(1)), encoding="utf-8")
    with pytest.raises(ValueError, match="offset"):
        import_file(
            tmp_path / "a.csv", "teams", Catalog(tmp_path), ImportOptions(crs="wgs84"), NOW.replace(tzinfo=None)
        )


class FullDisk(Catalog):
    """A catalogue whose disk is full when the new file is to take the old one's place."""

    def write(self, dataset_id: str, frame: object) -> None:
        self.path(dataset_id).with_suffix(".1.partial").write_bytes(b"half")
        raise OSError(28, "No space left on device")


def test_a_crash_while_writing_leaves_the_old_layer(tmp_path: Path) -> None:
    put(tmp_path, lines(team(1)))
    version = Catalog(tmp_path).version("teams")
    (tmp_path / "b.csv").write_text(lines(team(1, "新名"), team(2)), encoding="utf-8")
    with pytest.raises(OSError, match="space"):
        import_file(tmp_path / "b.csv", "teams", FullDisk(tmp_path), ImportOptions(crs="wgs84"), NOW)
    assert Catalog(tmp_path).version("teams") == version
    assert put(tmp_path, lines(team(1, "新名"), team(2))).stored == 2, "and the lock is free again"


def test_bad_files_leave_the_old_layer(tmp_path: Path) -> None:
    put(tmp_path, lines(team(1)))
    version = Catalog(tmp_path).version("teams")
    with pytest.raises(BadInput):
        put(tmp_path, "id,name\n1,2\n")
    assert Catalog(tmp_path).version("teams") == version


def test_imports_at_the_same_time_lose_no_row(tmp_path: Path) -> None:
    texts = [lines(*(team(10 * part + row) for row in range(10))) for part in range(6)]
    with ThreadPoolExecutor(6) as pool:
        reports = list(pool.map(lambda part: put(tmp_path, texts[part], f"{part}.csv"), range(6)))
    assert [report.stored for report in reports] == [10] * 6
    assert set(Catalog(tmp_path).read("teams")["id"]) == {f"T{number}" for number in range(60)}


def test_imports_from_other_processes_lose_no_row(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.starmap(put, [(tmp_path, lines(*(team(10 * part + row) for row in range(10))), f"{part}.csv")
                           for part in range(4)])  # fmt: skip
    assert set(Catalog(tmp_path).read("teams")["id"]) == {f"T{number}" for number in range(40)}


BATCH = st.dictionaries(
    st.integers(0, 9), st.tuples(st.sampled_from("甲乙"), st.sampled_from([118.3, 118.4])), max_size=6
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(BATCH, min_size=1, max_size=3))
def test_a_layer_is_the_last_word_on_every_id(batches: list, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The model is a dict: after any batches the layer holds its items, and each report says what changed."""
    folder, model = tmp_path_factory.mktemp("model"), {}
    for batch in batches:
        report = put(folder, lines(*(team(number, *value) for number, value in batch.items())))
        assert report.stored == sum(model.get(number) != value for number, value in batch.items())
        assert report.unchanged == len(batch) - report.stored
        model.update(batch)
    if model:
        back = Catalog(folder).read("teams")
        rows = zip(back["id"], back["name"], back.geometry.x, strict=True)
        assert {int(row[0][1:]): row[1:] for row in rows} == model
