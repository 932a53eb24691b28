"""How the application is put together from its parts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Flask

from marketplace import access, cli, demo_clock, failpoints, verify, web
from marketplace.config import REPOSITORY, Settings
from marketplace.database import embedded
from marketplace.database.pool import refuse_closed_connections
from marketplace.database.roles import APP_OPTIONS
from marketplace.extensions import babel, csrf, db, login_manager, migrate
from marketplace.processors import registry
from marketplace.web.unreadable import refuse_unreadable
from marketplace.webhooks import endpoint
from marketplace.webhooks import metrics as metrics_endpoint

BODY_BYTES_MAX = 5 * 1024 * 1024  # an import file; a webhook has a lower bound of its own


def assemble(settings: Settings) -> Flask:
    """Build the Flask application for these settings."""
    failpoints.arm(settings.failpoint, sandbox=settings.sandbox)
    app = Flask("marketplace", root_path=str(Path(__file__).parent), static_folder=None)
    app.template_folder = str(REPOSITORY / "templates")
    url = settings.database_url or embedded.running_url()
    app.config.from_mapping(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"options": APP_OPTIONS}},
        OWNER_DATABASE_URL=url,
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        MAX_FORM_MEMORY_SIZE=BODY_BYTES_MAX,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_TRANSLATION_DIRECTORIES=str(Path(__file__).parent / "translations"),
    )
    app.extensions["settings"] = settings

    db.init_app(app)
    with app.app_context():
        refuse_closed_connections(db.engine)
    migrate.init_app(app, db, directory=str(REPOSITORY / "migrations"))
    # Before the CSRF check, which reads the form.
    app.before_request(refuse_unreadable)
    csrf.init_app(app)
    login_manager.init_app(app)
    registry.register(app, settings)
    if settings.sandbox:
        app.before_request(demo_clock.load)
    app.before_request(access.guard)
    web.register(app, babel)
    verify.load_models()
    cli.register(app)
    app.wsgi_app = endpoint.Webhooks(app)  # type: ignore[method-assign]
    app.wsgi_app = metrics_endpoint.Metrics(app)  # type: ignore[method-assign]
    return app
