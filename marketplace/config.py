"""Settings from the environment. Sandbox mode needs none; live mode refuses to start without them.

`STRIPE_SECRET_KEY` decides: without it the sandbox plays the processor, with it nothing of the
sandbox, the demo world, the demo clock or `/dev` exists.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from marketplace import bank_settings, sepa
from marketplace.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parent.parent
# What this checkout keeps: secrets, logs, process ids. A second instance gets a folder of its own.
VAR = Path(os.environ.get("MARKETPLACE_VAR") or REPOSITORY / "var")
PORT = 8000
SECRET_LENGTH_MIN = 16

# What live mode cannot do without. An endpoint's secret may be set to nothing: then it is off.
_LIVE_NEEDS = {
    "SECRET_KEY": "a long random text that signs the session cookie",
    "DATABASE_URL": "postgresql://user:password@host/database",
    "BASE_URL": "the public address, such as https://market.example",
    "STRIPE_WEBHOOK_SECRET": "whsec_… of the endpoint /webhooks/stripe",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_… of the endpoint /webhooks/stripe/connect",
    "STRIPE_THIN_WEBHOOK_SECRET": "whsec_… of the endpoint /webhooks/stripe/thin",
    "SMTP_URL": "smtp://user:password@host:587",
    "MAIL_FROM": "the sender's address of our mail",
}
# The second rail: all of them, or none and it is off.
_PAYPAL_NEEDS = {
    "PAYPAL_CLIENT_ID": "of our application at PayPal",
    "PAYPAL_CLIENT_SECRET": "of our application at PayPal",
    "PAYPAL_WEBHOOK_ID": "of the webhook that PayPal posts to /webhooks/paypal",
}
_MAY_BE_EMPTY = {name for name in _LIVE_NEEDS if name.endswith("WEBHOOK_SECRET")}


@dataclass(frozen=True)
class Settings:
    """What one process of the marketplace is told from outside."""

    sandbox: bool
    secret_key: str
    base_url: str
    stripe_secret_key: str
    stripe_api_base: str | None  # None = Stripe itself
    stripe_webhook_secrets: tuple[str, ...]
    stripe_connect_webhook_secrets: tuple[str, ...]
    stripe_thin_webhook_secrets: tuple[str, ...]
    metrics_secrets: tuple[str, ...] = ()  # of who may send metrics; none = nobody may
    paypal_client_id: str = ""  # empty = nobody is paid by PayPal
    paypal_client_secret: str = ""
    paypal_webhook_id: str = ""
    paypal_api_base: str | None = None  # None = PayPal itself
    bank_account: sepa.Account | None = None  # None = nobody is paid to a bank account
    bank_data_keys: tuple[str, ...] = ()  # the first one seals, each opens
    database_url: str | None = None  # None = the embedded server
    smtp_url: str | None = None
    mail_from: str = "marketplace@localhost"
    processor_timeout_s: float = 20.0
    failpoint: str = ""  # where a proof lets this process die; sandbox mode only

    @property
    def livemode(self) -> bool:
        """Does real money move? A test key of Stripe is not live."""
        return not self.sandbox and not self.stripe_secret_key.startswith(("sk_test_", "rk_test_"))


def load_settings(
    environ: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
) -> Settings:
    """Read the settings.

    Args:
        state: the secrets and ports of sandbox mode; those of this checkout by default.

    Raises:
        SettingsError: live mode lacks something, or a value cannot be used; the message names each.
    """
    environ = os.environ if environ is None else environ
    if environ.get("STRIPE_SECRET_KEY"):
        return _live(environ)
    return _sandbox(environ, local_state(VAR) if state is None else state)


def port(environ: Mapping[str, str]) -> int:
    """The port of the web server: `PORT`, 8000 by default."""
    text = environ.get("PORT") or str(PORT)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        raise SettingsError(f"PORT must be a number from 1 to 65535, not {text!r}")
    return int(text)


def _live(environ: Mapping[str, str]) -> Settings:
    missing = [
        f"{name} ({what})"
        for name, what in _LIVE_NEEDS.items()
        if name not in environ or (not environ[name].strip() and name not in _MAY_BE_EMPTY)
    ]
    if missing:
        raise SettingsError("STRIPE_SECRET_KEY is set, so also set: " + "; ".join(missing))
    _refuse_malformed({name: value.strip() for name, value in environ.items()})
    return Settings(
        sandbox=False,
        secret_key=environ["SECRET_KEY"].strip(),
        base_url=environ["BASE_URL"].strip().rstrip("/"),
        stripe_secret_key=environ["STRIPE_SECRET_KEY"].strip(),
        stripe_api_base=None,
        stripe_webhook_secrets=_several(environ, "STRIPE_WEBHOOK_SECRET"),
        stripe_connect_webhook_secrets=_several(environ, "STRIPE_CONNECT_WEBHOOK_SECRET"),
        stripe_thin_webhook_secrets=_several(environ, "STRIPE_THIN_WEBHOOK_SECRET"),
        metrics_secrets=_several(environ, "METRICS_SECRET"),
        **_paypal(environ),
        **bank_settings.read(environ),
        database_url=_database_url(environ),
        smtp_url=environ["SMTP_URL"].strip(),
        mail_from=environ["MAIL_FROM"].strip(),
    )


def _refuse_malformed(given: Mapping[str, str]) -> None:
    """Refuse what cannot work, before anything is started; secrets are not repeated."""
    wrong = []
    if not given["STRIPE_SECRET_KEY"].startswith(("sk_", "rk_")):
        wrong.append("STRIPE_SECRET_KEY must begin with sk_ or rk_")
    if len(given["SECRET_KEY"]) < SECRET_LENGTH_MIN:
        wrong.append(f"SECRET_KEY must have at least {SECRET_LENGTH_MIN} characters")
    if not given["BASE_URL"].startswith(("https://", "http://127.0.0.1", "http://localhost")):
        wrong.append(f"BASE_URL must begin with https://, not {given['BASE_URL']!r}")
    if not given["SMTP_URL"].startswith("smtp://"):
        wrong.append("SMTP_URL must begin with smtp://")
    if "@" not in given["MAIL_FROM"]:
        wrong.append(f"MAIL_FROM must be an address, not {given['MAIL_FROM']!r}")
    if given.get("FAILPOINT"):
        wrong.append("FAILPOINT kills this process: it is for sandbox mode alone, so unset it")
    if wrong:
        raise SettingsError("; ".join(wrong))


def _sandbox(environ: Mapping[str, str], state: Mapping[str, Any]) -> Settings:
    base_url = environ.get("BASE_URL") or f"http://127.0.0.1:{port(environ)}"
    sandbox_url = environ.get("SANDBOX_URL") or f"http://127.0.0.1:{state['sandbox_port']}"
    return Settings(
        sandbox=True,
        secret_key=environ.get("SECRET_KEY") or state["secret_key"],
        base_url=base_url.rstrip("/"),
        stripe_secret_key=state["sandbox_api_key"],
        stripe_api_base=sandbox_url,
        stripe_webhook_secrets=(state["sandbox_webhook_secret"],),
        stripe_connect_webhook_secrets=(state["sandbox_connect_secret"],),
        stripe_thin_webhook_secrets=(state["sandbox_thin_secret"],),
        metrics_secrets=(state["metrics_secret"],),
        paypal_client_id=state["sandbox_paypal_client_id"],
        paypal_client_secret=state["sandbox_paypal_client_secret"],
        paypal_webhook_id=state["sandbox_paypal_webhook_id"],
        paypal_api_base=sandbox_url,
        bank_account=bank_settings.SANDBOX_ACCOUNT,
        bank_data_keys=(state["bank_data_key"],),
        database_url=_database_url(environ),
        smtp_url=environ.get("SMTP_URL") or None,
        mail_from=environ.get("MAIL_FROM") or "marketplace@localhost",
        failpoint=environ.get("FAILPOINT", ""),
    )


def _paypal(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the second rail, none of them if it is off."""
    given = {name: (environ.get(name) or "").strip() for name in _PAYPAL_NEEDS}
    missing = [f"{name} ({_PAYPAL_NEEDS[name]})" for name, value in given.items() if not value]
    if missing and any(given.values()):
        raise SettingsError("payouts by PayPal are half set up, so also set: " + "; ".join(missing))
    return {} if missing else {name.lower(): value for name, value in given.items()}


def _several(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Secrets separated by commas: while one is rolled, the old and the new hold."""
    named = environ.get(name, "").split(",")
    return tuple(secret.strip() for secret in named if secret.strip())


def _database_url(environ: Mapping[str, str]) -> str | None:
    url = (environ.get("DATABASE_URL") or "").strip()
    if not url:
        return None
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg") or not separator:
        raise SettingsError("DATABASE_URL must begin with postgresql:// (PostgreSQL 15 or newer)")
    url = f"postgresql+psycopg://{rest}"
    try:
        make_url(url)
    except (ValueError, ArgumentError) as error:  # the message may quote the password
        raise SettingsError(
            "DATABASE_URL must be postgresql://user:password@host:port/database"
        ) from error
    return url


def make_folder(var: Path) -> None:
    """See to it that this folder exists.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{var} cannot be used as a folder ({error.strerror}): set MARKETPLACE_VAR to another"
        ) from error


def local_state(var: Path) -> dict[str, Any]:
    """This checkout's secrets and the sandbox's port, made once and kept in `var/local.json`."""
    path = var / "local.json"
    if not path.exists():
        make_folder(var)
        _write_once(path, json.dumps(_fresh_state(), indent=1))
    try:
        state: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise SettingsError(
            f"{path} cannot be read: remove it, and the sandbox gets new secrets"
        ) from error
    if missing := {name: it for name, it in _fresh_state().items() if name not in state}:
        # Made by an earlier version, which had fewer of them.
        state |= missing
        mine = path.with_name(f"{path.name}.{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(json.dumps(state, indent=1))
        mine.replace(path)
    return state


def _fresh_state() -> dict[str, Any]:
    return {
        "secret_key": secrets.token_urlsafe(32),
        "sandbox_port": free_port(),
        "sandbox_api_key": "sk_test_sandbox_" + secrets.token_hex(12),
        "sandbox_webhook_secret": "whsec_" + secrets.token_hex(16),
        "sandbox_connect_secret": "whsec_" + secrets.token_hex(16),
        "sandbox_thin_secret": "whsec_" + secrets.token_hex(16),
        "metrics_secret": "whsec_" + secrets.token_hex(16),
        "sandbox_paypal_client_id": "sandbox_" + secrets.token_hex(12),
        "sandbox_paypal_client_secret": secrets.token_hex(24),
        "sandbox_paypal_webhook_id": "WH-" + secrets.token_hex(8).upper(),
        "bank_data_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def _write_once(path: Path, content: str) -> None:
    """Whoever comes first writes; a rival's complete file stays."""
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    mine.touch(mode=0o600)
    mine.write_text(content)
    try:
        os.link(mine, path)
    except FileExistsError:
        pass
    finally:
        mine.unlink()


def free_port() -> int:
    """A TCP port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        chosen: int = probe.getsockname()[1]
        return chosen
