"""Connected accounts (API v2) and their onboarding: who may be paid.

    restricted ──complete──▶ active
        ▲  │                   │
        │  └─submit, something missing (the requirement changes)
        └──────────────────────┘

Only the recipient configuration exists here, with the capability `stripe_transfers`.
"""

from __future__ import annotations

from marketplace.sandbox.events import notify
from marketplace.sandbox.params import Params
from marketplace.sandbox.refusal import NotExecuted, not_found_v2
from marketplace.sandbox.world import Act, Doc, new_id, stamp

LINK_LIFE_S = 5 * 60
INCLUDABLE = {"configuration.recipient", "defaults", "identity", "requirements"}
COLLECTORS = {"application", "stripe"}

# What is still asked for, in the order of the onboarding's answers.
FIRST_REQUIREMENTS = ("identity.individual", "default_outbound_destination")
MISSING_REQUIREMENTS = ("identity.individual.documents.primary_verification",)


def create(act: Act, params: Params) -> Doc:
    """POST /v2/core/accounts."""
    identity, defaults = params.child("identity"), params.child("defaults")
    responsibilities = defaults.child("responsibilities")
    account: Doc = {
        "id": new_id("acct", 16),
        "created": act.now,
        "contact_email": params.needed_text("contact_email"),
        "display_name": params.text("display_name"),
        "dashboard": params.choice("dashboard", {"express", "full", "none"}),
        "country": identity.needed_text("country").lower(),
        "entity_type": identity.choice("entity_type", {"company", "individual"}),
        "currency": defaults.text("currency"),
        "fees_collector": responsibilities.choice("fees_collector", COLLECTORS),
        "losses_collector": responsibilities.choice("losses_collector", COLLECTORS),
        "metadata": params.metadata(),
        "requirements": list(FIRST_REQUIREMENTS),
        "holder_name": None,
        "bank_ending": None,
    }
    recipient = params.child("configuration").child("recipient")
    capability = recipient.child("capabilities").child("stripe_balance").child("stripe_transfers")
    account["requested"] = capability.flag("requested")
    include = _include(params)
    params.done()
    act.add("account", account)
    notify(act, "v2.core.account.created", account["id"])
    return show(account, include)


def retrieve(act: Act, params: Params, id: str) -> Doc:
    """GET /v2/core/accounts/<id>."""
    include = _include(params)
    params.done()
    return show(_known(act, id), include)


def _include(params: Params) -> set[str]:
    include = set(params.texts("include"))
    if not include <= INCLUDABLE:
        raise NotExecuted(f"Cannot include {', '.join(sorted(include - INCLUDABLE))}")
    return include


def _known(act: Act, id: str) -> Doc:
    account = act.get("account", id)
    if account is None:
        raise not_found_v2(id)
    return account


def can_receive(account: Doc) -> bool:
    """Whether transfers to this account are allowed now."""
    return bool(account["requested"]) and not account["requirements"]


def create_link(act: Act, params: Params) -> Doc:
    """POST /v2/core/account_links: a single-use door to the onboarding page, open 5 minutes."""
    account_id = params.needed_text("account")
    use_case = params.child("use_case")
    kind = use_case.choice("type", {"account_onboarding", "account_update"})
    if kind is None:
        kind = use_case.needed_text("type")
    case = use_case.child(kind)
    configurations = case.texts("configurations")
    link: Doc = {
        "id": new_id("alink", 40),
        "created": act.now,
        "expires_at": act.now + LINK_LIFE_S,
        "account": account_id,
        "refresh_url": case.needed_url("refresh_url"),
        "return_url": case.url("return_url"),
        "used": False,
    }
    params.done()
    if configurations != ["recipient"]:
        raise NotExecuted("configurations must be ['recipient'] here")
    _known(act, account_id)
    act.add("account_link", link)
    urls = {"refresh_url": link["refresh_url"], "return_url": link["return_url"]}
    return {
        "object": "v2.core.account_link",
        "account": account_id,
        "created": stamp(link["created"]),
        "expires_at": stamp(link["expires_at"]),
        "livemode": False,
        "url": f"{act.world.url}/onboarding/{link['id']}",
        "use_case": {
            "type": kind,
            kind: {"configurations": configurations}
            | {name: url for name, url in urls.items() if url},
        },
    }


def open_link(act: Act, id: str) -> tuple[Doc, Doc | None] | None:
    """Use a link up: return it with a new visit, or with None if it is used or too old."""
    link = act.get("account_link", id)
    if link is None:
        return None
    if link["used"] or act.now >= link["expires_at"]:
        return link, None
    link["used"] = True
    act.save(link)
    visit: Doc = {"id": new_id("visit", 40), "created": act.now, "account": link["account"]}
    visit |= {"return_url": link["return_url"] or link["refresh_url"]}
    act.add("visit", visit)
    return link, visit


def submit(act: Act, id: str, *, complete: bool, name: str, bank_ending: str) -> None:
    """The payee hands in the form, whole or with something missing."""
    account = _known(act, id)
    account |= {
        "holder_name": name,
        "bank_ending": bank_ending,
        "requirements": [] if complete else list(MISSING_REQUIREMENTS),
    }
    act.save(account)
    notify(act, "v2.core.account[requirements].updated", id)
    notify(act, "v2.core.account[configuration.recipient].capability_status_updated", id)


def show(account: Doc, include: set[str]) -> Doc:
    """Return the account; what was not asked for by `include` is null, as at Stripe."""
    body: Doc = {
        "id": account["id"],
        "object": "v2.core.account",
        "applied_configurations": ["recipient"] if account["requested"] else [],
        "closed": False,
        "configuration": None,
        "contact_email": account["contact_email"],
        "contact_phone": None,
        "created": stamp(account["created"]),
        "dashboard": account["dashboard"],
        "defaults": None,
        "display_name": account["display_name"],
        "future_requirements": None,
        "identity": None,
        "livemode": False,
        "metadata": account["metadata"],
        "requirements": None,
    }
    if "configuration.recipient" in include:
        body["configuration"] = {"recipient": _recipient(account)}
    if "defaults" in include:
        body["defaults"] = {
            "currency": account["currency"],
            "responsibilities": {
                "fees_collector": account["fees_collector"],
                "losses_collector": account["losses_collector"],
                "requirements_collector": "stripe",
            },
        }
    if "identity" in include:
        body["identity"] = {
            "country": account["country"],
            "entity_type": account["entity_type"],
        }
    if "requirements" in include:
        body["requirements"] = _requirements(account)
    return body


def _recipient(account: Doc) -> Doc:
    if not account["requested"]:
        return {"applied": False, "capabilities": {}}
    status: Doc = {"status": "active", "status_details": []}
    if account["requirements"]:
        reason = {"code": "requirements_past_due", "resolution": "provide_info"}
        status = {"status": "restricted", "status_details": [reason]}
    return {
        "applied": True,
        "capabilities": {"stripe_balance": {"payouts": status, "stripe_transfers": status}},
    }


def _requirements(account: Doc) -> Doc:
    deadline = {"status": "past_due"}
    entries = [
        {
            "awaiting_action_from": "user",
            "description": description,
            "errors": [],
            "impact": {
                "restricts_capabilities": [
                    {
                        "capability": "stripe_balance.stripe_transfers",
                        "configuration": "recipient",
                        "deadline": deadline,
                    }
                ]
            },
            "minimum_deadline": deadline,
            "requested_reasons": [{"code": "routine_onboarding"}],
        }
        for description in account["requirements"]
    ]
    return {
        "entries": entries,
        "summary": {"minimum_deadline": deadline} if entries else None,
    }
