"""Rollbook's panel: the application that has customers."""

from __future__ import annotations

import datetime as dt
import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from panel import (
    admin_log,
    commands,
    database,
    fitting,
    log_commands,
    orm_log,
    refresh_command,
    token_commands,
    web,
    worker,
)
from panel.billing import command as billing_command
from panel.extensions import babel, csrf, db, login_manager, migrate
from panel.keys import open_keyring
from panel.sent import PanelRequest
from panel.settings import PROJECT, load_settings
from panel.setup import MIGRATIONS, refuse_foreign_keys
from panel.signing_in.security import prepare_security
from panel.words import locale_of_words

FORM_BYTES = 16 << 20  # a customer's form with many long texts


def create_app(instance: Path | None = None, database_url: str | None = None) -> Flask:
    """Return the application for an instance folder and database, by default those of the settings."""
    settings = load_settings(instance, database_url)
    folder: Path = settings["ROLLBOOK_INSTANCE"]
    folder.mkdir(parents=True, exist_ok=True)
    app = Flask("panel", template_folder=str(PROJECT / "templates"), instance_path=str(folder))
    app.request_class = PanelRequest
    app.config.from_mapping(settings)
    refuse_foreign_keys(folder, _sqlite_file(settings["ROLLBOOK_DATABASE_URL"]))
    keyring = open_keyring(folder)
    app.extensions["keyring"] = keyring
    app.config.from_mapping(
        SECRET_KEY=keyring.session,
        SQLALCHEMY_DATABASE_URI=settings["ROLLBOOK_DATABASE_URL"],
        SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": True, "json_serializer": _JSON.encode, "hide_parameters": True},
        MAX_CONTENT_LENGTH=_largest_request(settings),
        MAX_FORM_MEMORY_SIZE=FORM_BYTES,
        # A browser takes a cookie of this prefix from this host alone, by HTTPS, for all its paths.
        SESSION_COOKIE_NAME="__Host-session" if settings["ROLLBOOK_SECURE_COOKIES"] else "session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings["ROLLBOOK_SECURE_COOKIES"],
        PERMANENT_SESSION_LIFETIME=dt.timedelta(minutes=settings["ROLLBOOK_SESSION_MINUTES"]),
        BABEL_DEFAULT_TIMEZONE=settings["ROLLBOOK_TIME_ZONE"],
    )
    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS), render_as_batch=True)
    csrf.init_app(app)
    prepare_security(app)
    login_manager.init_app(app)  # after Flask-Security's own, in its place: sessions are Rollbook's
    babel.init_app(app, locale_selector=locale_of_words)
    database.prepare_engine(app)
    orm_log.log_the_orm()
    admin_log.log_administration()
    fitting.follow_fields()
    for part in (worker, commands, log_commands, refresh_command, token_commands, billing_command, web):
        part.register(app)
    if hops := settings["ROLLBOOK_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    if not gc.get_freeze_count():
        gc.freeze()  # what was imported stays for good; looking through it for cycles takes a quarter of long work
    return app


def _largest_request(settings: Mapping[str, Any]) -> int:
    """Return the bytes of the largest request that is taken: a workbook, or a form with a file."""
    workbook, file = settings["ROLLBOOK_UPLOAD_MEGABYTES"] << 20, settings["ROLLBOOK_FILE_MEGABYTES"] << 20
    return int(max(workbook, FORM_BYTES + file))


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # to make one takes longer than to use it


def _sqlite_file(url: str) -> Path | None:
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
