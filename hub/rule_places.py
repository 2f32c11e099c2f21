"""The layers that the rules in force ask for, in the engine's memory: loaded when a rule needs them, not before."""

from alerts.rule_evaluators import layers_of
from alerts.rules import RuleSet
from geodata.catalog import Catalog
from geodata.city import City
from geodata.places import CityPlaces


class RulePlaces:
    """`alerts.ports.Places` for a set of rules, kept while the same layers are needed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._city = City(catalog, ())

    def of(self, rules: RuleSet) -> CityPlaces:
        """The places that `rules` ask for."""
        layers = sorted(layers_of(rules))
        if tuple(layers) != self._city.layers:
            self._city = City.load(self._catalog, layers)
        return CityPlaces(self._city)

    def changed(self) -> bool:
        """Take up layers imported anew; whether there were any."""
        return bool(self._city.refresh())
