"""Creators prove who they are: accounts of API v2, single-use links, thin events."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.listener import Listener
from tests.sandbox.scenes import RECIPIENT, Scenes
from tests.sandbox.server import THIN_SECRET, SandboxServer

REFRESH = "http://127.0.0.1:8000/onboarding/again"
RETURN = "http://127.0.0.1:8000/onboarding/back"
STATUS_UPDATED = "v2.core.account[configuration.recipient].capability_status_updated"


def link(scenes: Scenes, account: str) -> str:
    """Return the path of a fresh onboarding link."""
    onboarding = {
        "configurations": ["recipient"],
        "refresh_url": REFRESH,
        "return_url": RETURN,
    }
    params: Any = {
        "account": account,
        "use_case": {"type": "account_onboarding", "account_onboarding": onboarding},
    }
    made = scenes.client.v2.core.account_links.create(params, scenes.key())
    return made.url.removeprefix(scenes.sandbox.url)


def status(client: stripe.StripeClient, account: str) -> str:
    """Return the state of the capability to receive transfers."""
    include: Any = {"include": ["configuration.recipient", "requirements"]}
    body = client.v2.core.accounts.retrieve(account, include).to_dict()
    balance = body["configuration"]["recipient"]["capabilities"]["stripe_balance"]
    entries = len(body["requirements"]["entries"])
    return f"{balance['stripe_transfers']['status']}, {entries} missing"


def visit(sandbox: SandboxServer, path: str) -> str:
    """Open a link as a browser does; return the path of the page it leads to."""
    answer = sandbox.get(path)
    assert answer.status == 303
    location = answer.headers["Location"]
    assert sandbox.get(location).status == 200
    return location


def test_a_new_account_is_restricted_until_onboarding_is_complete(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    account = scenes.account(can_be_paid=False)
    assert status(client, account) == "restricted, 2 missing"

    page = visit(sandbox, link(scenes, account))
    assert sandbox.post_form(f"{page}/complete", {"name": "Ada L", "bank_ending": "4321"}) == RETURN

    assert status(client, account) == "active, 0 missing"
    (kept,) = sandbox.books()["accounts"]
    assert (kept["holder_name"], kept["bank_ending"]) == ("Ada L", "4321")


def test_something_missing_restricts_and_says_what(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    account = scenes.account()

    page = visit(sandbox, link(scenes, account))
    sandbox.post_form(f"{page}/missing", {"name": "", "bank_ending": ""})

    include: Any = {"include": ["requirements"]}
    requirements = client.v2.core.accounts.retrieve(account, include).requirements
    assert requirements is not None
    assert requirements.entries is not None
    (entry,) = requirements.entries
    assert (entry.awaiting_action_from, entry.minimum_deadline.status) == ("user", "past_due")
    assert status(client, account) == "restricted, 1 missing"


def test_leaving_changes_nothing_and_a_bad_answer_is_asked_again(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    account = scenes.account(can_be_paid=False)
    page = visit(sandbox, link(scenes, account))

    with pytest.raises(AssertionError, match="last four digits"):
        sandbox.post_form(f"{page}/complete", {"name": "Ada", "bank_ending": "12"})
    assert sandbox.post_form(f"{page}/leave") == RETURN

    assert status(client, account) == "restricted, 2 missing"


def test_a_link_opens_once_and_for_five_minutes(scenes: Scenes, sandbox: SandboxServer) -> None:
    account = scenes.account(can_be_paid=False)
    used, late = link(scenes, account), link(scenes, account)
    visit(sandbox, used)
    assert sandbox.get(used).headers["Location"] == REFRESH

    sandbox.set_offset(5 * 60 + 1)

    assert sandbox.get(late).headers["Location"] == REFRESH
    assert sandbox.get("/onboarding/alink_nothing").status == 404


def test_what_is_not_included_is_null(scenes: Scenes, client: stripe.StripeClient) -> None:
    bare = client.v2.core.accounts.retrieve(scenes.account())

    assert (bare.configuration, bare.requirements, bare.identity) == (None, None, None)
    assert bare.to_dict()["metadata"] == {"creator": "7"}


def test_a_change_is_told_by_a_thin_event_that_names_the_account(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    account = scenes.account()
    sandbox.wait_delivered()

    (letter,) = listener.of(STATUS_UPDATED)
    assert letter.path.endswith("/thin")
    told: Any = client.parse_event_notification(letter.body, letter.signature, THIN_SECRET)
    assert told.type == STATUS_UPDATED
    assert not told.livemode
    assert told.related_object.id == account
    fetched = told.fetch_related_object()
    assert fetched.id == account
    (born,) = listener.of("v2.core.account.created")
    assert born.event["reason"]["request"]["idempotency_key"] == "key-1"


def test_an_unknown_account_is_not_found(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v2.core.accounts.retrieve("acct_nobody")
    with pytest.raises(stripe.InvalidRequestError):
        link(scenes, "acct_nobody")

    assert (unknown.value.http_status, unknown.value.code) == (404, "not_found")


@pytest.mark.parametrize(
    "change", [{"dashboard": "Express"}, {"nickname": "x"}, {"include": ["everything"]}]
)
def test_an_account_that_makes_no_sense_is_refused(
    scenes: Scenes, sandbox: SandboxServer, change: dict[str, Any]
) -> None:
    params: Any = RECIPIENT | change

    with pytest.raises(stripe.InvalidRequestError):
        scenes.client.v2.core.accounts.create(params, scenes.key())

    assert sandbox.violations  # the oracle refuses these too
    sandbox.violations.clear()
