"""Groups of settings that only the stages on AWS have, each for one stack."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator


class Egress(StrEnum):
    """How functions and workers reach the internet."""

    NAT_INSTANCE = "nat_instance"
    NAT_GATEWAYS = "nat_gateways"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSettings(_Group):
    """The stage's network."""

    # Each stage has its own range, so that two of them can be peered one day.
    cidr: Annotated[str, Field(pattern=r"^10\.\d{1,3}\.0\.0/16$")]
    # The letters of the zones, e.g. `a,b`. Named here, because looking them up would need
    # credentials at synth. An old account may have to name others: its letters are its own, and
    # one zone of us-east-1 has no Graviton.
    zones: Annotated[tuple[Annotated[str, Field(pattern="^[a-z]$")], ...], Field(min_length=2)]
    egress: Egress

    @field_validator("zones", mode="before")
    @classmethod
    def _as_letters(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value


class PostgresSettings(_Group):
    """The stage's database server."""

    instance: Annotated[str, Field(pattern=r"^[a-z0-9]+\.[a-z0-9]+$")]
    multi_az: bool
    storage_gb: Annotated[int, Field(ge=20)]
    # Storage grows by itself up to this.
    most_storage_gb: int
    # 0 would turn off point-in-time recovery; 35 is what RDS keeps at most.
    backup_days: Annotated[int, Field(ge=1, le=35)]
    # Shares connections between functions; it costs as much as two vCPUs of its own.
    proxy: bool

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.most_storage_gb <= self.storage_gb:
            raise ValueError("most_storage_gb must be more than storage_gb")
        return self


class WorkerSettings(_Group):
    """The stage's browser workers."""

    # As Fargate sells them: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
    cpu: Literal[512, 1024, 2048, 4096]
    memory_mb: Annotated[int, Field(ge=2048)]
    fewest: Annotated[int, Field(ge=0)]
    most: Annotated[int, Field(ge=1)]
    container_insights: bool

    @field_validator("cpu", mode="before")
    @classmethod
    def _as_number(cls, value: object) -> object:
        return int(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.most < self.fewest:
            raise ValueError("most must not be less than fewest")
        return self


def read_group[G: BaseModel](
    model: type[G], name: str, of_stage: Mapping[str, Any], context: Callable[[str], Any]
) -> G:
    """Read one group; ``-c group.name=value`` wins over what ``cdk.json`` says.

    Raises:
        ValueError: A setting is missing or not what it should be; says which.
    """
    values = dict(of_stage.get(name) or {})
    for field in model.model_fields:
        given = context(f"{name}.{field}")
        if given is not None:
            values[field] = given
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in (name, *problem['loc']))}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ValueError(f"Settings in cdk.json, or given with -c: {problems}") from None
