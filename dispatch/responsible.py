"""Who answers for a place, for anybody who looks at it: names, units, and contacts nobody can read off the screen."""

from collections.abc import Sequence, Set
from dataclasses import replace

from dispatch.calling import mask_address
from dispatch.model import Person


def responsible(everybody: Sequence[Person], assets: Set[str]) -> list[Person]:
    """Those on duty whose duties name one of `assets`, each followed by their deputy on duty; nobody twice."""
    by_id = {person.id: person for person in everybody}
    found: dict[str, Person] = {}
    for person in everybody:
        if assets.isdisjoint(person.duties):
            continue
        for one in (person, by_id.get(person.deputy_id or "")):
            if one is not None and one.on_duty:
                found.setdefault(one.id, masked(one))
    return list(found.values())


def masked(person: Person) -> Person:
    """The person with contacts as the ledger shows them."""
    return replace(person, contacts={key: mask_address(address) for key, address in person.contacts.items()})
