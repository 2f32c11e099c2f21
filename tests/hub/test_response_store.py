"""One live response a warning, one winner an edit: the same on SQLite and PostgreSQL, under threads."""

from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.response_book import load_responses
from dispatch.responses import drafted, edited, signed, withdrawn
from geodata.errors import Conflict, NotFound
from hub.blob_store import FolderBlobs
from hub.database import Database
from hub.response_store import DbResponseStore
from tests.dispatch.house import ROOT, T0, at_once, later
from tests.dispatch.test_responses import warning

BOOK = load_responses(ROOT / "dispatch/responses.yaml")


def test_a_warning_has_one_live_response(room_database: Database) -> None:
    store = DbResponseStore(room_database)
    made = at_once(6, lambda n: store.create(drafted(warning(), BOOK, "示例市", f"officer{n}", T0)))
    assert len({one.id for one in made}) == 1, made
    first = made[0]
    assert store.response(first.id) == first
    store.change_response(first.id, lambda one: withdrawn(one, 1, "理由", "duty", later(1)))
    second = store.create(drafted(warning(), BOOK, "示例市", "duty", later(2)))
    assert second.id != first.id
    assert [one.id for one in store.responses("A1", 10)] == [second.id, first.id]


def test_of_edits_at_once_one_wins(room_database: Database) -> None:
    store = DbResponseStore(room_database)
    one = store.create(drafted(warning(), BOOK, "示例市", "duty", T0))

    def edit(number: int) -> object:
        return store.change_response(one.id, lambda now: edited(now, 1, f"officer{number}", later(1), None, level="Ⅱ"))

    results = at_once(6, edit)
    assert sum(isinstance(result, Conflict) for result in results) == 5, results
    stored = store.response(one.id)
    assert stored is not None
    assert (stored.version, len(stored.history)) == (2, 1)
    with pytest.raises(NotFound):
        store.change_response("RSP-NONE", lambda now: now)


def test_only_a_signed_one_of_the_incident_is_called_with(room_database: Database) -> None:
    store = DbResponseStore(room_database)
    one = store.create(drafted(warning(), BOOK, "示例市", "duty", T0))
    store.change_response(one.id, lambda now: edited(now, 1, "duty", later(1), None, level="Ⅱ"))
    assert store.signed_of("INC-1") is None
    store.change_response(one.id, lambda now: signed(now, 2, "leader", later(2), warning()))
    store.change_response(one.id, lambda now: replace(now, incident_id="INC-1"))
    found = store.signed_of("INC-1")
    assert found is not None
    assert (found.id, found.level, found.signed_at) == (one.id, "Ⅱ", later(2))
    store.change_response(one.id, lambda now: withdrawn(now, 3, "理由", "leader", later(3)))
    assert store.signed_of("INC-1") is None


def test_blobs_stay_in_their_folder(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "attachments")
    digest = "a" * 64
    assert blobs.get(digest) is None
    blobs.put(digest, b"one")
    blobs.put(digest, b"one")
    assert blobs.get(digest) == b"one"
    assert [path.name for path in (tmp_path / "attachments").rglob("*") if path.is_file()] == [digest]
    for wrong in ("../../etc/passwd", "A" * 64, "a" * 63, f"{'a' * 64}/x", ""):
        with pytest.raises(NotFound):
            blobs.get(wrong)
        with pytest.raises(NotFound):
            blobs.put(wrong, b"x")
