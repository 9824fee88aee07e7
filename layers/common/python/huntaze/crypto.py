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


def _context(workspace_id: UUID, creator_id: UUID) -> dict[str, str]:
    return {"workspace_id": str(workspace_id), "creator_id": str(creator_id)}


def seal(data: bytes, *, key_arn: str, workspace_id: UUID, creator_id: UUID) -> Envelope:
    """Seal ``data`` for one creator; another creator's context cannot open it."""
    context = _context(workspace_id, creator_id)
    key = clients.kms().generate_data_key(
        KeyId=key_arn, KeySpec="AES_256", EncryptionContext=context
    )
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key["Plaintext"]).encrypt(nonce, data, creator_id.bytes)
    return Envelope(key["CiphertextBlob"], nonce + sealed)


def unseal(envelope: Envelope, *, key_arn: str, workspace_id: UUID, creator_id: UUID) -> bytes:
    """Open an envelope of one creator.

    Raises:
        botocore.exceptions.ClientError: KMS refuses: another owner's, or no permission.
        cryptography.exceptions.InvalidTag: The bytes were changed.
    """
    context = _context(workspace_id, creator_id)
    key = clients.kms().decrypt(
        CiphertextBlob=envelope.sealed_key, KeyId=key_arn, EncryptionContext=context
    )
    nonce, sealed = envelope.sealed[:_NONCE_BYTES], envelope.sealed[_NONCE_BYTES:]
    return AESGCM(key["Plaintext"]).decrypt(nonce, sealed, creator_id.bytes)
