"""Failpoints are inert: unless one is armed by name, and wherever real money may move."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from marketplace import create_app, failpoints
from marketplace.config import REPOSITORY, load_settings, local_state
from marketplace.errors import SettingsError
from marketplace.failpoints import POSTING, Point, failpoint
from tests.harness import Ports, settings_for_tests
from tests.test_settings import LIVE

NAME = f"{POSTING}: {Point.WRITTEN}"
DIES_IF_ARMED = (
    "from marketplace import create_app, failpoints;"
    "create_app();"
    "failpoints.failpoint('posting', failpoints.Point.WRITTEN);"
    "print('alive')"
)


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("", sandbox=True)


def run(**environ: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that comes by the point."""
    database = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    return subprocess.run(
        [sys.executable, "-c", DIES_IF_ARMED],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **database, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_armed_process_dies_there_by_kill_9_and_another_comes_by() -> None:
    assert run(FAILPOINT=NAME).returncode == -9
    assert run().stdout == "alive\n"
    elsewhere = run(FAILPOINT=f"{failpoints.WEBHOOK}: {Point.BEGIN}")
    assert elsewhere.stdout == "alive\n"


def test_with_a_key_of_the_processor_nothing_starts_while_one_is_named() -> None:
    for key in ("sk_live_of_nobody", "sk_test_of_nobody"):
        environ = LIVE | {"STRIPE_SECRET_KEY": key, "FAILPOINT": NAME}
        with pytest.raises(SettingsError, match="FAILPOINT"):
            load_settings(environ)
        refused = run(**environ)
        assert refused.returncode == 1
        assert "alive" not in refused.stdout


def test_outside_sandbox_mode_settings_alone_do_not_arm_either() -> None:
    settings = settings_for_tests("postgresql+psycopg://nowhere/none", Ports(1, 2))
    with pytest.raises(SettingsError, match="sandbox mode alone"):
        create_app(replace(settings, sandbox=False, failpoint=NAME))
    failpoint(POSTING, Point.WRITTEN)  # nothing is armed: this process goes on


def test_a_name_that_is_no_point_is_refused() -> None:
    settings = settings_for_tests("postgresql+psycopg://nowhere/none", Ports(1, 2))
    with pytest.raises(SettingsError, match="names no point"):
        create_app(replace(settings, failpoint="posting: later"))


def test_sandbox_mode_reads_it_from_the_environment() -> None:
    state = local_state(REPOSITORY / "var")
    assert load_settings({"FAILPOINT": NAME}, state).failpoint == NAME
    assert load_settings({}, state).failpoint == ""
