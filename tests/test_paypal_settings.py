"""The settings of the second rail: all of them, or none."""

from __future__ import annotations

import pytest

from marketplace.config import load_settings
from marketplace.errors import SettingsError
from tests.test_run import LIVE

ALL = {
    "PAYPAL_CLIENT_ID": "an id",
    "PAYPAL_CLIENT_SECRET": "a secret",
    "PAYPAL_WEBHOOK_ID": "WH-1",
}
BASE = LIVE | {"DATABASE_URL": "postgresql://user@host/database"}


def test_with_all_of_them_the_rail_is_on() -> None:
    settings = load_settings(BASE | ALL)
    assert (settings.paypal_client_id, settings.paypal_webhook_id) == ("an id", "WH-1")
    assert settings.paypal_api_base is None


def test_with_none_of_them_it_is_off() -> None:
    settings = load_settings(BASE | dict.fromkeys(ALL, " "))
    assert (settings.paypal_client_id, settings.paypal_webhook_id) == ("", "")


@pytest.mark.parametrize("missing", ALL)
def test_with_some_of_them_the_start_is_refused_naming_the_others(missing: str) -> None:
    given = {name: value for name, value in ALL.items() if name != missing}
    with pytest.raises(SettingsError, match=missing) as refusal:
        load_settings(BASE | given)
    assert not any(name in str(refusal.value) for name in given)
