"""Flask-Security as Rollbook uses it: its hashes, tokens and codes, and none of its addresses.

Signing in is pages of ours, because sessions live in our table, tries are counted, and everything leaves an event.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app
from flask_security import MfRecoveryCodesUtil, Security, SQLAlchemyUserDatastore, Totp
from passlib.totp import TOTP

from panel.extensions import db
from panel.keys import Keyring
from panel.models import Role, User

ISSUER = "Rollbook"
RECOVERY_CODES = 10
RESET_SALT = "reset-salt"

SETTINGS: dict[str, Any] = {
    "SECURITY_CLI_USERS_NAME": None,
    "SECURITY_CLI_ROLES_NAME": None,
    "SECURITY_PASSWORD_HASH": "argon2",
    "SECURITY_PASSWORD_SCHEMES": ["argon2"],
    "SECURITY_PASSWORD_SINGLE_HASH": ["argon2"],  # hashes of before Flask-Security stay good
    "SECURITY_PASSWORD_NORMALIZE_FORM": None,  # likewise
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N": RECOVERY_CODES,
    "SECURITY_TOTP_ISSUER": ISSUER,
    "SECURITY_TOTP_SECRETS": {1: "not used: see Codes"},
    "SECURITY_RESET_SALT": RESET_SALT,
}


class Codes(Totp):
    """Codes of an authenticator app, each good once.

    Secrets go in and out in clear: the key file seals them, because passlib's own encryption does not authenticate.
    """

    def __init__(self, secrets: dict[int, str], issuer: str) -> None:
        self._totp = TOTP.using(issuer=issuer)

    def generate_totp_secret(self) -> str:
        """Return a new secret."""
        return str(self._totp.new().to_json(encrypt=False))

    def get_last_counter(self, user: User) -> int | None:
        """Return the place of the last code that was taken."""
        return user.totp_counter

    def set_last_counter(self, user: User, match: Any) -> None:
        """Remember the place of a code, so that it is not taken again."""
        user.totp_counter = match.counter


class RecoveryCodes(MfRecoveryCodesUtil):
    """Codes for who has lost the app, kept as keyed digests: nobody reads them back."""

    def create_recovery_codes(self, user: User) -> list[str]:
        """Give a user new codes instead of the old, and return them for the only time."""
        codes: list[str] = security(current_app).totp_factory.generate_recovery_codes(RECOVERY_CODES)
        user.mf_recovery_codes = [_keyring().digest(code) for code in codes]
        return codes

    def check_recovery_code(self, user: User, code: str) -> bool:
        """Tell whether a code is one of the user's that are left."""
        return _keyring().digest(code) in (user.mf_recovery_codes or ())

    def delete_recovery_code(self, user: User, code: str) -> bool:
        """Use a code up."""
        digest = _keyring().digest(code)
        user.mf_recovery_codes = [one for one in user.mf_recovery_codes or () if one != digest]
        return True


def prepare_security(app: Flask) -> None:
    """Set Flask-Security up without any page of its own; what signs its tokens is the key file's."""
    app.config.from_mapping(SETTINGS)
    extension = Security(totp_cls=Codes, mf_recovery_codes_util_cls=RecoveryCodes, register_blueprint=False)
    extension.init_app(app, SQLAlchemyUserDatastore(db, User, Role))
    # Permissions are Rollbook's: Flask-Principal would only load the user on every request for a picture.
    extension.principal.identity_loaders.clear()


def security(app: Flask) -> Security:
    """Return the application's Flask-Security."""
    extension: Security = app.extensions["security"]
    return extension


def _keyring() -> Keyring:
    keyring: Keyring = current_app.extensions["keyring"]
    return keyring
