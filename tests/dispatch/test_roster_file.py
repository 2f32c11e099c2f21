"""People from a table: what is taken, what is refused and why, and that every row is one or the other."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.roster_file import read_people
from geodata.errors import BadInput

HEAD = "编号,姓名,职务,单位,单位代码,角色,短信网关,邮箱,副职编号,在岗,负责设施,账号\n"
GOOD = "P1,示例-甲,主任,示例单位,371302,城管、水利,gw-1,p1@example.invalid,P2,是,sample-up-001 sample-up-002,duty\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_person_with_everything(tmp_path: Path, encoding: str) -> None:
    (person,), rejects = read_people(write(tmp_path / "p.csv", HEAD + GOOD, encoding))
    assert rejects == []
    assert (person.id, person.name, person.roles) == ("P1", "示例-甲", ("城管", "水利"))
    assert person.contacts == {"webhook": "gw-1", "email": "p1@example.invalid"}
    assert (person.deputy_id, person.on_duty, person.username) == ("P2", True, "duty")
    assert person.duties == ("sample-up-001", "sample-up-002")


def test_xlsx_keeps_codes_as_text(tmp_path: Path) -> None:
    path = tmp_path / "p.xlsx"
    table = {"编号": ["0007"], "姓名": ["示例-乙"], "单位": ["示例"], "单位代码": [371302], "角色": ["消防"]}
    pd.DataFrame(table).to_excel(path, index=False)
    (person,), rejects = read_people(path)
    assert (person.id, person.unit_code, person.contacts, rejects) == ("0007", "371302", {}, [])


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (",甲,,单位,371302,城管", "编号为空"),
        ("P1,,,单位,371302,城管", "姓名为空"),
        ("P1,甲,,单位,37,城管", "单位代码"),
        ("P1,甲,,单位,371302,", "角色为空"),
        ("P1,甲,,单位,371302,城管,,not-mail", "邮箱"),
        ("P1,甲,,单位,371302,城管,,a@b.c\nP1,乙,,单位,371302,城管", "重复"),
        ("P1,甲,,单位,371302,城管,,,P1", "副职是本人"),
        ("P1,甲,,单位,371302,城管,,,,也许", "在岗"),
    ],
)
def test_rows_refused_with_a_reason(tmp_path: Path, row: str, word: str) -> None:
    people, rejects = read_people(write(tmp_path / "p.csv", HEAD + row + "\n" + GOOD.replace("P1", "P9")))
    assert any(word in one.reason for one in rejects)
    assert [one.id for one in people][-1] == "P9", "the other rows are taken"


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\x00\x01\x02"])
def test_files_that_are_no_roster(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput):
        read_people(write(tmp_path / "p.csv", text))
    with pytest.raises(BadInput):
        read_people(write(tmp_path / "p.xlsx", text))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["C"]), max_size=12), min_size=12, max_size=12)))
def test_every_row_is_taken_or_refused(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "p.csv"
    pd.DataFrame(rows, columns=HEAD.strip().split(",")).to_csv(path, index=False)
    people, rejects = read_people(path)
    assert len(people) + len(rejects) <= len(rows)
    assert len(people) + len(rejects) >= len([row for row in rows if any(cell.strip() for cell in row)])
