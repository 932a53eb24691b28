"""Settings that cannot work are refused before anything starts, each in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketplace.config import load_settings, local_state
from marketplace.errors import SettingsError

LIVE = {
    "STRIPE_SECRET_KEY": "sk_live_of_nobody",
    "SECRET_KEY": "a long random text",
    "DATABASE_URL": "postgresql://user:password@127.0.0.1/market",
    "BASE_URL": "https://market.example",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_2",
    "STRIPE_THIN_WEBHOOK_SECRET": "whsec_3",
    "SMTP_URL": "smtp://127.0.0.1",
    "MAIL_FROM": "market@market.example",
}


def test_what_live_mode_needs_is_enough() -> None:
    assert load_settings(LIVE).livemode


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STRIPE_SECRET_KEY", "pk_live_x", "STRIPE_SECRET_KEY must begin with sk_"),
        ("STRIPE_SECRET_KEY", " ", "STRIPE_SECRET_KEY must begin with sk_"),
        ("SECRET_KEY", "x", "SECRET_KEY must have at least 16 characters"),
        ("BASE_URL", "market.example", "BASE_URL must begin with https://"),
        ("SMTP_URL", "nonsense", "SMTP_URL must begin with smtp://"),
        ("MAIL_FROM", "market", "MAIL_FROM must be an address"),
    ],
)
def test_a_malformed_setting_is_refused_by_its_name(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings({**LIVE, name: value})


def test_all_that_is_malformed_is_named_at_once_and_no_secret_is_repeated() -> None:
    given = {**LIVE, "SECRET_KEY": "short secret", "SMTP_URL": "nonsense"}
    with pytest.raises(SettingsError) as refusal:
        load_settings(given)
    assert "SECRET_KEY" in str(refusal.value)
    assert "SMTP_URL" in str(refusal.value)
    assert "short secret" not in str(refusal.value)


def test_a_folder_of_ones_own_that_is_a_file_is_refused_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="MARKETPLACE_VAR"):
        local_state(tmp_path / "file")
