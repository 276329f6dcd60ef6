"""Start Rollbook: prepare the instance, say where it is, serve it."""

from __future__ import annotations

import sys

from waitress import serve

from panel import create_app
from panel.billing.daily import DailyRun
from panel.setup import FIRST_ADMIN, admin_password_from_environment, prepare
from sync.errors import SyncError


def main() -> int:
    """Prepare and serve; return the exit status."""
    password = prepare(app, admin_password_from_environment())
    host, port = app.config["ROLLBOOK_HOST"], app.config["ROLLBOOK_PORT"]
    print(f"Rollbook is at http://{host}:{port}")
    if password:
        print(f"Sign in as {FIRST_ADMIN} with the one-time password {password}")
    sys.stdout.flush()
    app.extensions["worker"].wake()
    DailyRun(app).start()
    try:
        # What a proxy says of the visitor is believed as far as ROLLBOOK_PROXIES goes, and else dropped.
        unproxied = not app.config["ROLLBOOK_PROXIES"]
        # What is a little too large is answered with a page, which takes reading it; more is not even read.
        most = 2 * app.config["MAX_CONTENT_LENGTH"]
        serve(
            app,
            host=host,
            port=port,
            threads=8,
            clear_untrusted_proxy_headers=unproxied,
            max_request_body_size=most,
        )
    except OSError as error:
        print(f"{host}:{port} cannot be used: {error.strerror}. Set ROLLBOOK_PORT to another port.", file=sys.stderr)
        return 1
    return 0


try:
    app = create_app()
except SyncError as error:
    sys.exit(str(error))

if __name__ == "__main__":
    sys.exit(main())
