"""A person at the processor's hosted pages of the sandbox: pays, declines, onboards."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

TIMEOUT_S = 30


class HostedPageError(RuntimeError):
    """A hosted page did not do what a person would see it do."""


def pay(checkout_url: str) -> str:
    """Press *Pay*; return where the page sends the payer back to."""
    return _press(checkout_url, "pay")


def decline(checkout_url: str) -> str:
    """Press *Decline the card*; return where the page leads: to itself."""
    return _press(checkout_url, "decline")


def onboard(link: str, name: str, bank_ending: str, *, complete: bool = True) -> str:
    """Open an onboarding link, fill in the form, send it; return where it leads back to."""
    page = requests.get(link, timeout=TIMEOUT_S)
    page.raise_for_status()
    answer = "complete" if complete else "missing"
    reply = requests.post(
        f"{page.url}/{answer}",
        data={"name": name, "bank_ending": bank_ending},
        allow_redirects=False,
        timeout=TIMEOUT_S,
    )
    return _back(reply)


def _press(checkout_url: str, button: str) -> str:
    reply = requests.post(f"{checkout_url}/{button}", allow_redirects=False, timeout=TIMEOUT_S)
    return _back(reply)


def _back(reply: requests.Response) -> str:
    if reply.status_code != 303:
        path = urlsplit(reply.url).path
        raise HostedPageError(f"{path} answered {reply.status_code}: {reply.text[:200]}")
    return str(reply.headers["Location"])
