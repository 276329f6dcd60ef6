"""The key file: what signs tokens and encrypts customers' passwords, kept outside the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.errors import SyncError

KEY_FILE = "keys.json"


class KeyFileError(SyncError):
    """The key file is missing, open to others, or not the one that the database was written with."""


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """The instance's secrets: `session` signs cookies, `tokens` signs rows, `digests` keys fingerprints.

    `ciphers` maps a key's number to an AES-256 key; the highest number encrypts, every one decrypts.
    """

    session: bytes
    tokens: bytes
    digests: bytes
    ciphers: dict[int, bytes]

    def encrypt(self, text: str, entity: str, record_id: int, field: str) -> str:
        """Return ``v1:<key>:<nonce>:<ciphertext>``, readable only for this record and field."""
        number = max(self.ciphers)
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self.ciphers[number]).encrypt(nonce, text.encode(), _bound_to(entity, record_id, field))
        return f"v1:{number}:{_text(nonce)}:{_text(sealed)}"

    def decrypt(self, stored: str, entity: str, record_id: int, field: str) -> str:
        """Return the text that `encrypt` sealed for the same record and field."""
        _version, number, nonce, sealed = stored.split(":")
        try:
            cipher = AESGCM(self.ciphers[int(number)])
            return cipher.decrypt(_bytes(nonce), _bytes(sealed), _bound_to(entity, record_id, field)).decode()
        except (KeyError, InvalidTag):
            message = "A password cannot be read with this key file. Restore the key file that belongs to the database."
            raise KeyFileError(message) from None

    def digest(self, text: str) -> str:
        """Return a keyed fingerprint of a secret, for the change log."""
        return "digest:" + hmac.digest(self.digests, text.encode(), hashlib.sha256).hex()[:32]


def _bound_to(entity: str, record_id: int, field: str) -> bytes:
    return f"{entity}/{record_id}/{field}".encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)


def open_keyring(instance: Path) -> Keyring:
    """Read the instance's key file, made on first use by whichever process is first."""
    path = instance / KEY_FILE
    if not path.exists():
        _create(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} can be read by others. Run: chmod 600 {path}")
    return _from_json(json.loads(path.read_text("utf-8")))


def _from_json(plain: dict[str, Any]) -> Keyring:
    ciphers = {int(number): _bytes(text) for number, text in plain["ciphers"].items()}
    return Keyring(_bytes(plain["session"]), _bytes(plain["tokens"]), _bytes(plain["digests"]), ciphers)


def _create(path: Path) -> None:
    fresh = {name: _text(secrets.token_bytes(32)) for name in ("session", "tokens", "digests")}
    content = json.dumps({**fresh, "ciphers": {"1": _text(secrets.token_bytes(32))}}, indent=1)
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails where another process was first: its keys are the keys
    except FileExistsError:
        pass
    finally:
        draft.unlink()
