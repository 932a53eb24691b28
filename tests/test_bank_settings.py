"""The settings of the bank rail: all of them and well formed, or none."""

from __future__ import annotations

import pytest

from marketplace.config import load_settings
from marketplace.errors import SettingsError
from tests.test_run import LIVE

KEY = "dGVzdHMgc2VhbCBiYW5rIGRldGFpbHMgd2l0aCBpdCE="
ALL = {
    "BANK_ACCOUNT_NAME": "Marché SAS",
    "BANK_ACCOUNT_IBAN": "DE89 3704 0044 0532 0130 00",
    "BANK_DATA_KEY": KEY,
}
BASE = LIVE | {"DATABASE_URL": "postgresql://user@host/database"}


def test_with_all_of_them_the_rail_is_on() -> None:
    settings = load_settings(BASE | ALL)
    assert settings.bank_account is not None
    assert settings.bank_account.iban == "DE89370400440532013000"
    assert settings.bank_account.name == "Marche SAS"
    assert settings.bank_account.bic is None
    assert settings.bank_data_keys == (KEY,)


def test_a_bic_may_be_added_and_a_key_be_rolled() -> None:
    settings = load_settings(
        BASE | ALL | {"BANK_ACCOUNT_BIC": "COBADEFFXXX", "BANK_DATA_KEY": f"{KEY}, {KEY}"}
    )
    assert settings.bank_account is not None
    assert settings.bank_account.bic == "COBADEFFXXX"
    assert settings.bank_data_keys == (KEY, KEY)


def test_with_none_of_them_it_is_off() -> None:
    assert load_settings(BASE | dict.fromkeys(ALL, " ")).bank_account is None


@pytest.mark.parametrize("missing", ALL)
def test_with_some_of_them_the_start_is_refused_naming_the_others(missing: str) -> None:
    given = {name: value for name, value in ALL.items() if name != missing}
    with pytest.raises(SettingsError, match=missing) as refusal:
        load_settings(BASE | given)
    assert not any(name in str(refusal.value) for name in given)


def test_a_bic_alone_is_half_set_up() -> None:
    with pytest.raises(SettingsError, match="BANK_ACCOUNT_IBAN"):
        load_settings(BASE | {"BANK_ACCOUNT_BIC": "COBADEFFXXX"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BANK_ACCOUNT_NAME", "北京"),
        ("BANK_ACCOUNT_IBAN", "DE88 3704 0044 0532 0130 00"),
        ("BANK_ACCOUNT_IBAN", "BR1500000000000010932840814P2"),
        ("BANK_ACCOUNT_BIC", "COBX"),
        ("BANK_DATA_KEY", "short"),
    ],
)
def test_a_malformed_one_is_refused_by_name_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        load_settings(BASE | ALL | {name: value})
    assert value not in str(refusal.value)
