"""Prices, months and charges."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Data):
    """One line of the price list; ``seen`` is the month in which a page was read that quotes it."""

    usd: float
    per: str
    source: str
    seen: str | None = None


class PriceList(_Data):
    """What the vendor asks in one region."""

    region: str
    as_of: str
    note: str
    prices: dict[str, Price]


class Assumption(_Data):
    """A figure that no template knows, and where it comes from."""

    value: float
    because: str


class Volume(_Data):
    """What happens in a month."""

    creators: int = 0
    api_requests: int = 0
    sends: int = 0
    campaigns: int = 0
    emails: int = 0
    media_gb: float = 0
    own_metrics: int = 0

    def plus(self, other: "Volume") -> "Volume":
        """Add another volume."""
        mine, theirs = self.model_dump(), other.model_dump()
        return Volume(**{name: mine[name] + theirs[name] for name in mine})


class Usage(_Data):
    """The months of the table, and what is assumed of each."""

    note: str
    assumptions: dict[str, Assumption | float]
    months: dict[str, dict[str, Any]]
    per_million_sends: Volume

    def assume(self, name: str) -> float:
        """Return the value of an assumption."""
        found = self.assumptions[name]
        return found.value if isinstance(found, Assumption) else found

    def stage(self, month: str) -> str:
        """Return whose month it is."""
        return str(self.months[month]["stage"])

    def volume(self, month: str) -> Volume:
        """Return what happens in it."""
        facts = {name: value for name, value in self.months[month].items() if name != "stage"}
        return Volume.model_validate(facts)


@dataclass(frozen=True)
class Resource:
    """One resource of one template."""

    stack: str
    logical_id: str
    kind: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Charge:
    """A quantity of something that has a price.

    Args:
        item: The row of the table.
        price: Its name in the price list.
        quantity: In the unit of the price.
    """

    item: str
    price: str
    quantity: float


@dataclass(frozen=True)
class Month:
    """One stage's templates and what happens in a month."""

    templates: Mapping[str, Mapping[str, Any]]
    volume: Volume
    usage: Usage

    @cached_property
    def resources(self) -> list[Resource]:
        """Every resource of every stack."""
        return [
            Resource(stack, logical_id, body["Type"], body.get("Properties", {}))
            for stack, template in self.templates.items()
            for logical_id, body in template["Resources"].items()
        ]

    def of_kind(self, kind: str) -> list[Resource]:
        """The resources of one CloudFormation type."""
        return [resource for resource in self.resources if resource.kind == kind]

    @cached_property
    def routed_functions(self) -> frozenset[str]:
        """The logical ids of the functions that a route of the API calls."""
        integrations = [
            method.properties.get("Integration")
            for method in self.of_kind("AWS::ApiGateway::Method")
        ]
        return frozenset(
            function.logical_id
            for function in self.of_kind("AWS::Lambda::Function")
            if names(integrations, function.logical_id)
        )

    def assume(self, name: str) -> float:
        """Return the value of an assumption."""
        return self.usage.assume(name)


def names(node: object, logical_id: str) -> bool:
    """Whether a part of a template refers to a resource."""
    match node:
        case {"Ref": name}:
            return bool(name == logical_id)
        case {"Fn::GetAtt": [name, *_]}:
            return bool(name == logical_id)
        case {"Fn::ImportValue": str(name)}:
            return logical_id in name
        case dict():
            return any(names(value, logical_id) for value in node.values())
        case list():
            return any(names(value, logical_id) for value in node)
        case _:
            return False


def price_list() -> PriceList:
    """Read the price list."""
    return PriceList.model_validate(json.loads((FOLDER / "prices.json").read_text()))


def usage() -> Usage:
    """Read the months."""
    return Usage.model_validate(json.loads((FOLDER / "usage.json").read_text()))
