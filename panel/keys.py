"""The key file: what signs tokens and encrypts customers' passwords, kept outside the database."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.errors import SyncError

KEY_FILE = "keys.json"


class KeyFileError(SyncError):
    """The key file is missing, open to others, or not the one that the database was written with."""


class Ciphers:
    """The AES-256 keys of a key file by their numbers: the highest encrypts, every one decrypts.

    The file is read again where it was replaced, so that every process knows a new key as soon as it is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[tuple[int, int], dict[int, bytes]] = ((0, 0), {})

    def all(self) -> dict[int, bytes]:
        """Return the keys of this moment."""
        try:
            stat = self._path.stat()
            if (stat.st_ino, stat.st_mtime_ns) != self._known[0]:
                self._known = (stat.st_ino, stat.st_mtime_ns), _ciphers_in(_read(self._path))
        except FileNotFoundError:
            if not self._known[1]:
                raise
        return self._known[1]

    @property
    def newest(self) -> int:
        """Return the number of the key that encrypts."""
        return max(self.all())


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """The instance's secrets: `session` signs cookies, `tokens` signs rows, `digests` keys fingerprints."""

    session: bytes
    tokens: bytes
    digests: bytes
    ciphers: Ciphers

    def encrypt(self, text: str, entity: str, record_id: int, field: str) -> str:
        """Return ``v1:<key>:<nonce>:<ciphertext>``, readable only for this record and field."""
        keys = self.ciphers.all()
        number, nonce = max(keys), secrets.token_bytes(12)
        sealed = AESGCM(keys[number]).encrypt(nonce, text.encode(), _bound_to(entity, record_id, field))
        return f"v1:{number}:{_text(nonce)}:{_text(sealed)}"

    def decrypt(self, stored: str, entity: str, record_id: int, field: str) -> str:
        """Return the text that `encrypt` sealed for the same record and field."""
        _version, number, nonce, sealed = stored.split(":")
        try:
            cipher = AESGCM(self.ciphers.all()[int(number)])
            return cipher.decrypt(_bytes(nonce), _bytes(sealed), _bound_to(entity, record_id, field)).decode()
        except (KeyError, InvalidTag):
            message = "A password cannot be read with this key file. Restore the key file that belongs to the database."
            raise KeyFileError(message) from None

    def digest(self, text: str) -> str:
        """Return a keyed fingerprint of a secret, for the change log."""
        return "digest:" + hmac.digest(self.digests, text.encode(), hashlib.sha256).hex()[:32]


def key_number(stored: str) -> int:
    """Return the number of the key that a ciphertext was made with."""
    return int(stored.split(":")[1])


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
    plain = _read(path)
    return Keyring(_bytes(plain["session"]), _bytes(plain["tokens"]), _bytes(plain["digests"]), Ciphers(path))


@contextmanager
def changing_keys(instance: Path) -> Iterator[None]:
    """Run a block while no other process changes the key file."""
    with (instance / f".{KEY_FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def add_cipher(instance: Path) -> int:
    """Make the key with which everything is encrypted from now on, and return its number."""
    plain = _read(instance / KEY_FILE)
    number = max(_ciphers_in(plain)) + 1
    plain["ciphers"][str(number)] = _text(secrets.token_bytes(32))
    _replace(instance / KEY_FILE, plain)
    return number


def keep_newest_cipher(instance: Path) -> list[int]:
    """Remove every key but the newest, and return the numbers of the removed ones."""
    plain = _read(instance / KEY_FILE)
    newest = max(_ciphers_in(plain))
    removed = sorted(set(_ciphers_in(plain)) - {newest})
    plain["ciphers"] = {str(newest): plain["ciphers"][str(newest)]}
    _replace(instance / KEY_FILE, plain)
    return removed


def _read(path: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return plain


def _ciphers_in(plain: dict[str, Any]) -> dict[int, bytes]:
    return {int(number): _bytes(text) for number, text in plain["ciphers"].items()}


def _create(path: Path) -> None:
    fresh = {name: _text(secrets.token_bytes(32)) for name in ("session", "tokens", "digests")}
    draft = _draft(path, {**fresh, "ciphers": {"1": _text(secrets.token_bytes(32))}})
    try:
        os.link(draft, path)  # fails where another process was first: its keys are the keys
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _replace(path: Path, plain: dict[str, Any]) -> None:
    """Put a new key file in the old one's place, kept on the disk before anything is encrypted with it."""
    _draft(path, plain).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _draft(path: Path, plain: dict[str, Any]) -> Path:
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(plain, indent=1))
        file.flush()
        os.fsync(file.fileno())
    return draft
