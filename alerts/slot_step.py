"""One step over a group of slots, before it is committed, and where a slot's state is stored."""

from dataclasses import dataclass

from alerts.draft import Draft
from alerts.evaluators import Rows
from alerts.slots import SlotState, SlotTable, changed

Group = tuple[str, str]  # quantity, exercise


@dataclass(frozen=True, slots=True)
class SlotStep:
    """What a step over one group of slots came to, not yet committed."""

    group: Group
    table: SlotTable
    before: SlotState
    after: SlotState
    draft: Draft

    def rows(self) -> Rows:
        """The state of every slot that moved or whose waiting began or ended."""
        slots = self.draft.moved.union(changed(self.before, self.after).tolist())
        return {state_key(self.table, slot, self.group[1]): self.after.plain(slot) for slot in slots}


def state_key(table: SlotTable, slot: int, exercise: str) -> tuple[str, int]:
    """The key of a slot's stored state; a drill's has its name behind an @."""
    rule_id, sensor_no = table.key(slot)
    return (f"{rule_id}@{exercise}" if exercise else rule_id), sensor_no
