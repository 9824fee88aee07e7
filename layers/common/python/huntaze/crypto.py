"""Envelopes: data sealed with a fresh key that only KMS can open, bound to its owner."""

import os
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from huntaze import clients

_NONCE_BYTES = 12


class Envelope(NamedTuple):
    """Sealed bytes and the key that opens them, itself sealed by KMS."""

    sealed_key: bytes
    sealed: bytes


class Owner(NamedTuple):
    """Whose an envelope is: nothing else opens it.

    Args:
        context: What KMS is told, and what a role's permission may ask for.
        bound: What the sealed bytes themselves are bound to.
    """

    context: dict[str, str]
    bound: bytes


def of_creator(workspace_id: UUID, creator_id: UUID) -> Owner:
    """What is one creator's."""
    context = {"workspace_id": str(workspace_id), "creator_id": str(creator_id)}
    return Owner(context, creator_id.bytes)


def of_workspace(workspace_id: UUID, kind: str) -> Owner:
    """What is of one kind and a whole workspace's."""
    context = {"workspace_id": str(workspace_id), "kind": kind}
    return Owner(context, kind.encode() + workspace_id.bytes)


def seal(data: bytes, *, key_arn: str, workspace_id: UUID, creator_id: UUID) -> Envelope:
    """Seal ``data`` for one creator; another creator's context cannot open it."""
    return seal_for(of_creator(workspace_id, creator_id), data, key_arn=key_arn)


def unseal(envelope: Envelope, *, key_arn: str, workspace_id: UUID, creator_id: UUID) -> bytes:
    """Open an envelope of one creator; see `unseal_for`."""
    return unseal_for(of_creator(workspace_id, creator_id), envelope, key_arn=key_arn)


def seal_for(owner: Owner, data: bytes, *, key_arn: str) -> Envelope:
    """Seal ``data`` for one owner; another owner's context cannot open it."""
    key = clients.kms().generate_data_key(
        KeyId=key_arn, KeySpec="AES_256", EncryptionContext=owner.context
    )
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key["Plaintext"]).encrypt(nonce, data, owner.bound)
    return Envelope(key["CiphertextBlob"], nonce + sealed)


def unseal_for(owner: Owner, envelope: Envelope, *, key_arn: str) -> bytes:
    """Open an envelope of one owner.

    Raises:
        botocore.exceptions.ClientError: KMS refuses: another owner's, or no permission.
        cryptography.exceptions.InvalidTag: The bytes were changed.
    """
    key = clients.kms().decrypt(
        CiphertextBlob=envelope.sealed_key, KeyId=key_arn, EncryptionContext=owner.context
    )
    nonce, sealed = envelope.sealed[:_NONCE_BYTES], envelope.sealed[_NONCE_BYTES:]
    return AESGCM(key["Plaintext"]).decrypt(nonce, sealed, owner.bound)
