"""The second factor: an authenticator app's code, or a recovery code where the app is lost."""

from __future__ import annotations

from flask import current_app

from panel.audit import record
from panel.keys import KeyFileError, Keyring
from panel.models import User
from panel.signing_in.security import security

TOTP, _SETTING_UP = "tf_totp_secret", "tf_totp_secret, not yet in use"
_CLOCKS_DIFFER = 30  # seconds that a telephone's clock may be off


def new_secret(user: User) -> str:
    """Return a new secret for a user, sealed for the page on which it is set up."""
    return _keyring().encrypt(security(current_app).totp_factory.generate_totp_secret(), "user", user.id, _SETTING_UP)


def is_sealed_for(user: User, sealed: str) -> bool:
    """Tell whether a secret that came back with a form is the one that the user's page showed."""
    try:
        _keyring().decrypt(sealed, "user", user.id, _SETTING_UP)
    except (KeyFileError, ValueError):
        return False
    return True


def picture_of(user: User, sealed: str) -> str:
    """Return the address of a picture that an authenticator app reads, as data."""
    secret = _keyring().decrypt(sealed, "user", user.id, _SETTING_UP)
    return str(security(current_app).totp_factory.generate_qrcode(user.email, secret))


def text_of(user: User, sealed: str) -> str:
    """Return a secret in letters, for who has no camera."""
    secret = _keyring().decrypt(sealed, "user", user.id, _SETTING_UP)
    return str(security(current_app).totp_factory.get_totp_pretty_key(secret))


def turn_on(user: User, sealed: str, code: str) -> list[str]:
    """Ask for a code from now on, and return recovery codes; an empty list where the code does not fit the secret."""
    secret = _keyring().decrypt(sealed, "user", user.id, _SETTING_UP)
    user.totp_counter = None
    if not _fits(user, secret, code):
        return []
    user.tf_primary_method = "authenticator"
    user.tf_totp_secret = _keyring().encrypt(secret, "user", user.id, TOTP)
    record("second factor on", user)
    return _new_codes(user)


def turn_off(user: User) -> None:
    """Ask for no code any more, and forget the recovery codes."""
    user.tf_primary_method = user.tf_totp_secret = user.totp_counter = user.mf_recovery_codes = None


def new_recovery_codes(user: User) -> list[str]:
    """Return new recovery codes; the old are worth nothing now."""
    record("recovery codes made", user)
    return _new_codes(user)


def takes(user: User, code: str) -> bool:
    """Tell whether this is the app's code of now or a recovery code, and use it up.

    The user's row has to be locked: the same code at the same moment is good once.
    """
    typed = "".join(code.split()).lower()
    if len(typed) == 6:
        return user.has_two_factor and _fits(user, _secret(user), typed)
    recovery = security(current_app).mf_recovery_codes_util
    dashed = "-".join(typed.replace("-", "")[place : place + 4] for place in (0, 4, 8)) if len(typed) < 20 else ""
    if not recovery.check_recovery_code(user, dashed):
        return False
    recovery.delete_recovery_code(user, dashed)
    record("recovery code used", user, left=len(user.mf_recovery_codes or ()))
    return True


def _new_codes(user: User) -> list[str]:
    codes: list[str] = security(current_app).mf_recovery_codes_util.create_recovery_codes(user)
    return codes


def _secret(user: User) -> str:
    return _keyring().decrypt(str(user.tf_totp_secret), "user", user.id, TOTP)


def _fits(user: User, secret: str, code: str) -> bool:
    return bool(security(current_app).totp_factory.verify_totp(code, secret, user, window=_CLOCKS_DIFFER))


def _keyring() -> Keyring:
    keyring: Keyring = current_app.extensions["keyring"]
    return keyring
