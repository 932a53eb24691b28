"""The PayPal adapter: payouts to whoever has, or opens, a PayPal account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import certifi
import requests
from cryptography import x509

from marketplace import clock
from marketplace.config import Settings
from marketplace.errors import ProcessorUnavailable
from marketplace.money import Money
from marketplace.processors import paypal_amounts, paypal_events, paypal_wire
from marketplace.processors.base import (
    IDEMPOTENCY_ERROR,
    UNREADABLE,
    Body,
    Endpoint,
    Intent,
    Kind,
    Outcome,
    Ref,
    Request,
    Snapshot,
    TransferIntent,
    Verdict,
)
from marketplace.processors.listing import Cash, Movement, Page
from marketplace.processors.paypal_client import LIVE, TEST, Answer, Client, NoAnswer, NotAsked

BATCHES = "/v1/payments/payouts"
# Whose certificate signs webhooks.
LIVE_SIGNER = "messageverificationcerts.paypal.com"
TEST_SIGNER = "messageverificationcerts.sandbox.paypal.com"
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
_CHAINS_MAX, _CHAIN_BYTES_MAX = 16, 64 * 1024
# A certificate that could not be had is not asked for again within this time, and after so many
# failures within it none is: anybody may send us addresses, and each would be a call of ours.
FAILURE_KEPT, FAILURES_MAX = timedelta(seconds=60), 8
_NO_LOOK_UP = "no_look_up"


class PayPal:
    """PayPal, or whatever speaks its wire at `Settings.paypal_api_base`."""

    name = "paypal"
    # A sender_batch_id is known for 30 days (developer.paypal.com/docs/api/payments.payouts-batch).
    safe_window = timedelta(days=29)
    lists = False

    def __init__(self, settings: Settings) -> None:
        self.livemode = settings.livemode
        self._sandbox_base = settings.paypal_api_base
        self._timeout_s = settings.processor_timeout_s
        self._client = Client(
            self._sandbox_base or (LIVE if self.livemode else TEST),
            settings.paypal_client_id,
            settings.paypal_client_secret,
            self._timeout_s,
        )
        self._signer = LIVE_SIGNER if self.livemode else TEST_SIGNER
        self._roots: list[x509.Certificate] = []
        self._chains: dict[str, list[x509.Certificate]] = {}
        self._failed_at: dict[str, datetime] = {}  # on the wall, by the certificate's address

    def body(self, intent: Intent) -> Body:
        """Return the frozen body of the POST that pays what is intended; nothing else is asked."""
        if not isinstance(intent, TransferIntent):
            raise ValueError("PayPal only pays out")
        return paypal_wire.body_of(intent)

    def execute(self, request: Request) -> Outcome:
        """Try once. That the batch was made before is as good: the answer says which it is."""
        body = paypal_wire.keyed(request.body, request.key)
        try:
            answer = self._client.post(BATCHES, body, request.key)
            if answer.ok:
                return self._done(answer, paypal_wire.accepted(answer.body, self.livemode))
            made = paypal_wire.duplicate_of(answer.body)
            if made is None:
                return _outcome_of(answer)
            known = self._client.get(f"{BATCHES}/{made}")
            if not known.ok:
                return Outcome(Verdict.UNKNOWN, code="duplicate", http_status=answer.status)
            return self._done(known, paypal_wire.batch(known.body, self.livemode), replayed=True)
        except NotAsked as error:
            return Outcome(Verdict.BUSY, code="no_token", message=str(error))
        except NoAnswer as error:
            return Outcome(Verdict.UNKNOWN, code="no_answer", message=str(error))
        except _UNREADABLE as error:
            return Outcome(Verdict.UNKNOWN, code=UNREADABLE, message=repr(error))

    def find(self, request: Request) -> Outcome:
        """PayPal cannot be asked for a batch by our key: only sending again would tell.

        Within the safe window that is what the sender does. After it a person must look into
        PayPal's own list before anything is sent, and may tell us the batch that it shows.
        """
        if request.remote_id is not None:
            return self._named(request.remote_id)
        first = request.first_sent_at
        if first is not None and clock.now() - first >= self.safe_window:
            return Outcome(
                Verdict.REJECTED,
                code=IDEMPOTENCY_ERROR,
                message=f"PayPal may have forgotten {request.key}: look into its activity first",
            )
        return Outcome(Verdict.UNKNOWN, code=_NO_LOOK_UP)

    def _named(self, batch_id: str) -> Outcome:
        try:
            answer = self._client.get(f"{BATCHES}/{batch_id}")
            if answer.ok:
                return self._done(answer, paypal_wire.batch(answer.body, self.livemode))
            if answer.status != 404:
                return Outcome(Verdict.UNKNOWN, code=str(answer.status), message=_said(answer.body))
            none = f"PayPal knows no batch {batch_id} of ours"
            return Outcome(Verdict.REJECTED, code=IDEMPOTENCY_ERROR, message=none)
        except (NoAnswer, NotAsked) as error:
            return Outcome(Verdict.UNKNOWN, code="no_answer", message=str(error))
        except _UNREADABLE as error:
            return Outcome(Verdict.UNKNOWN, code=UNREADABLE, message=repr(error))

    def fetch(self, kind: Kind, remote_id: str, account: str | None) -> Snapshot:
        """Return what is true of a batch and its item now."""
        if kind != "transfer":
            raise ProcessorUnavailable(f"PayPal keeps no {kind} of ours")
        with _asking():
            answer = _must(self._client.get(f"{BATCHES}/{remote_id}"))
            return paypal_wire.batch(answer.body, self.livemode)

    def verify(
        self, endpoint: Endpoint, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]
    ) -> list[Ref]:
        """Return what a webhook names, once its signature is proven; `secrets` is the webhook's id.

        The certificate comes over the network once, and is kept.
        """
        wall_at = clock.wall_now()
        url = paypal_events.certificate_url(headers, self._sandbox_base, self.livemode)
        paypal_events.check_time(headers, wall_at)
        chain, roots = self._chain(url, wall_at), self._trusted()
        (webhook_id,) = secrets
        paypal_events.check_signature(raw, headers, webhook_id, chain, roots, self._signer, wall_at)
        return [paypal_events.read(raw, headers, self.livemode)]

    def onboarding_link(self, remote_account: str, return_url: str, refresh_url: str) -> str:
        """There is none: an address at PayPal is confirmed by a mail of ours."""
        raise ProcessorUnavailable("PayPal has no page where a receiver signs up with us")

    def cash(self) -> dict[str, Cash]:
        """Return our balance there, by currency: what can be paid out now, and what is withheld."""
        with _asking():
            answer = _must(self._client.get("/v1/reporting/balances", currency_code="ALL"))
            return paypal_wire.cash(answer.body)

    def changes(self, since: datetime, after: str | None = None) -> Page[tuple[Ref, bytes]]:
        """Nothing: PayPal keeps no list of events that we can ask for by time."""
        return Page(())

    def movements(self, since: datetime, after: str | None = None) -> Page[Movement]:
        """Nothing: what a batch moved, the batch itself says."""
        return Page(())

    def payout_step(self, currency: str) -> int:
        """Return what a payout is a multiple of, in our minor units."""
        return paypal_amounts.payout_step(currency)

    def payout_most(self, currency: str) -> Money | None:
        """Return what one payout is at most; None for a currency that PayPal has not."""
        return paypal_amounts.most(currency)

    def supports(self, country: str, currency: str, amount: Money | None = None) -> str | None:
        """Return None, or what this rail cannot do: 'country', 'currency', 'decimals', 'most'."""
        return paypal_amounts.refusal(country, currency, amount)

    def _done(self, answer: Answer, snapshot: Snapshot, *, replayed: bool = False) -> Outcome:
        return Outcome(
            Verdict.DONE,
            snapshot,
            http_status=answer.status,
            remote_request_id=answer.debug_id,
            replayed=replayed,
        )

    def _chain(self, url: str, wall_at: datetime) -> list[x509.Certificate]:
        if url not in self._chains:
            chain = self._fetched(url, wall_at)
            if len(self._chains) >= _CHAINS_MAX:
                self._chains.clear()
            self._chains[url] = chain
        return self._chains[url]

    def _fetched(self, url: str, wall_at: datetime) -> list[x509.Certificate]:
        failed = {it: at for it, at in self._failed_at.items() if wall_at - at < FAILURE_KEPT}
        self._failed_at = failed
        if url in failed or len(failed) >= FAILURES_MAX:
            raise ProcessorUnavailable(f"no certificate at {url} a moment ago")
        try:
            return self._certificates(url)
        except ProcessorUnavailable:
            failed[url] = wall_at
            raise

    def _trusted(self) -> list[x509.Certificate]:
        """The roots that may vouch for PayPal: the web's, or the sandbox's own."""
        if not self._roots:
            if self._sandbox_base is None:
                pem = Path(certifi.where()).read_bytes()
                self._roots = x509.load_pem_x509_certificates(pem)
            else:
                self._roots = self._certificates(f"{self._sandbox_base}/_sandbox/paypal/root.pem")
        return self._roots

    def _certificates(self, url: str) -> list[x509.Certificate]:
        """Raises ProcessorUnavailable: they cannot be had now, so PayPal should tell us later."""
        try:
            with requests.get(
                url, timeout=self._timeout_s, allow_redirects=False, stream=True
            ) as answer:
                answer.raise_for_status()
                pem = answer.raw.read(_CHAIN_BYTES_MAX, decode_content=True)
            return x509.load_pem_x509_certificates(pem)
        except (requests.RequestException, ValueError) as error:
            raise ProcessorUnavailable(f"no certificate at {url}") from error


def _outcome_of(answer: Answer) -> Outcome:
    """Give a refusal its verdict. Whatever is not surely harmless is UNKNOWN."""
    name = answer.body.get("name")
    if answer.status in (401, 409, 429):
        verdict = Verdict.BUSY
    elif 400 <= answer.status < 500 and isinstance(name, str):
        verdict = Verdict.REJECTED
    else:
        verdict = Verdict.UNKNOWN
    return Outcome(
        verdict,
        code=name.lower() if isinstance(name, str) else str(answer.status),
        message=_said(answer.body),
        http_status=answer.status,
        remote_request_id=answer.debug_id,
    )


def _said(body: Mapping[str, object]) -> str:
    """PayPal's message, with what it says of the fields that it dislikes."""
    details = body.get("details")
    issues = [
        f"{it.get('field')}: {it.get('issue')}"
        for it in (details if isinstance(details, list) else [])
        if isinstance(it, Mapping)
    ]
    return "; ".join([str(body.get("message") or "refused"), *issues])


def _must(answer: Answer) -> Answer:
    if not answer.ok:
        raise ProcessorUnavailable(_said(answer.body))
    return answer


@contextmanager
def _asking() -> Iterator[None]:
    """Turn whatever goes wrong with a question that moves no money into `ProcessorUnavailable`."""
    try:
        yield
    except (NoAnswer, NotAsked) as error:
        raise ProcessorUnavailable(str(error)) from error
    except _UNREADABLE as error:
        raise ProcessorUnavailable(f"an answer that we cannot read: {error!r}") from error
