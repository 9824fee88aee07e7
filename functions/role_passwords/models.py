"""What Secrets Manager asks for when it rotates a secret."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Step(StrEnum):
    """The four steps of a rotation, called in this order; each may be repeated."""

    CREATE = "createSecret"
    SET = "setSecret"
    TEST = "testSecret"
    FINISH = "finishSecret"


class RotationRequest(BaseModel):
    """One step of one rotation; the token names the version that is being made."""

    model_config = ConfigDict(frozen=True)

    step: Step = Field(alias="Step")
    secret_arn: str = Field(alias="SecretId")
    token: str = Field(alias="ClientRequestToken")


class Login(BaseModel):
    """A role and its password, as a secret holds them."""

    model_config = ConfigDict(frozen=True)

    username: str
    password: str
