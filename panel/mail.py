"""Mail, by the server that the settings name; without one, none is sent."""

from __future__ import annotations

import smtplib
import ssl
import threading
from email.message import EmailMessage
from typing import Any

from flask import Flask, current_app

SECONDS = 20


def can_mail() -> bool:
    """Tell whether the settings name a mail server, and the address at which people reach Rollbook."""
    return bool(current_app.config["ROLLBOOK_MAIL_HOST"] and current_app.config["ROLLBOOK_ADDRESS"])


def link(path: str) -> str:
    """Return an address for a mail: by the setting, because whoever asks may claim any host."""
    return str(current_app.config["ROLLBOOK_ADDRESS"]).rstrip("/") + path


def mail(to: str, subject: str, text: str) -> None:
    """Send a plain mail, behind the caller's back: how long it takes tells nobody whether one was sent."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target
    message = EmailMessage()
    message["To"], message["Subject"] = to, subject
    message["From"] = app.config["ROLLBOOK_MAIL_SENDER"] or "rollbook@localhost"
    message.set_content(text)
    threading.Thread(target=_deliver, args=(app, message), name="mail").start()


def _deliver(app: Flask, message: EmailMessage) -> None:
    try:
        with _server(app.config) as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        app.logger.error("A mail was not sent: %s", error)


def _server(config: dict[str, Any]) -> smtplib.SMTP:
    host, port = config["ROLLBOOK_MAIL_HOST"], config["ROLLBOOK_MAIL_PORT"]
    secure = config["ROLLBOOK_MAIL_SECURITY"]
    context = ssl.create_default_context()
    if secure == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=SECONDS)
        if secure == "starttls":
            server.starttls(context=context)
    if config["ROLLBOOK_MAIL_USER"]:
        server.login(config["ROLLBOOK_MAIL_USER"], config["ROLLBOOK_MAIL_PASSWORD"])
    return server
