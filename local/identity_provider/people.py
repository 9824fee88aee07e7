"""The people whom the providers know, and what may go wrong with their answers."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass
class Person:
    """Somebody with an account at both providers."""

    subject: str
    name: str
    email: str
    verified: bool = True


class Fault(StrEnum):
    """What a provider, or somebody in its place, does wrong."""

    WRONG_NONCE = "wrong_nonce"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_ISSUER = "wrong_issuer"
    EXPIRED = "expired"
    UNSIGNED = "unsigned"
    # Signed with the client's secret, or the public key, as if that were a secret.
    HMAC = "hmac"
    STRANGE_KEY = "strange_key"
    NO_SUBJECT = "no_subject"
    SERVER_ERROR = "server_error"
    NOT_JSON = "not_json"
    REDIRECT = "redirect"


@dataclass
class Grant:
    """A code, and what it was given for."""

    person: Person
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str | None


@dataclass
class World:
    """Everything that the providers know."""

    people: dict[str, Person] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Person] = field(default_factory=dict)
    fault: Fault | None = None

    def add(self, person: Person) -> Person:
        """Let somebody have an account."""
        self.people[person.subject] = person
        return person


def world() -> World:
    """Two people to begin with."""
    found = World()
    found.add(Person("1001", "Ada Demo", "ada@huntaze.test"))
    found.add(Person("1002", "Unproven Una", "una@huntaze.test", verified=False))
    return found
