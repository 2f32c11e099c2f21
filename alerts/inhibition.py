"""Inhibition, as Prometheus Alertmanager does it: what a worse alert makes needless to tell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerts.matchers import Matcher, MatcherIndex, all_match

Labels = Mapping[str, str]
_DRILL = "status"


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert that `source` matches fires, alerts that `target` matches notify nobody, if both agree on the
    labels named in `equal` (a missing label equals an empty one). `why` is what the operator reads."""

    id: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    why: str = ""


class Inhibitor:
    """The inhibitions over the labels of everything that fires; each question costs about as much as its answer.

    What matches both sides of a rule is not inhibited by another that does so too: it would inhibit itself, or two
    would silence each other. A drill's alert never inhibits a real one, nor the other way round.
    """

    def __init__(self, inhibitions: Sequence[Inhibition], firing: Iterable[tuple[str, Labels]]) -> None:
        self._rules = tuple(inhibitions)
        self._targets = MatcherIndex([rule.target for rule in self._rules])
        sources = MatcherIndex([rule.source for rule in self._rules])
        # per rule: agreed labels → a source, and a source that is not itself a target
        self._any: list[dict[tuple[str, ...], str]] = [{} for _ in self._rules]
        self._one_sided: list[dict[tuple[str, ...], str]] = [{} for _ in self._rules]
        for name, labels in firing:
            for number in sources.matching(labels):
                key = self._key(number, labels)
                self._any[number].setdefault(key, name)
                if not all_match(self._rules[number].target, labels):
                    self._one_sided[number].setdefault(key, name)

    def by(self, labels: Labels) -> tuple[Inhibition, str] | None:
        """The first rule that inhibits an alert of `labels`, and the id of the alert that does it."""
        for number in self._targets.matching(labels):
            rule = self._rules[number]
            sources = self._one_sided if all_match(rule.source, labels) else self._any
            found = sources[number].get(self._key(number, labels))
            if found is not None:
                return rule, found
        return None

    def _key(self, number: int, labels: Labels) -> tuple[str, ...]:
        real = "1" if labels.get(_DRILL, "Actual") == "Actual" else ""
        return (real, *(labels.get(name, "") for name in self._rules[number].equal))
