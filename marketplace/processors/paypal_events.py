"""PayPal's webhooks: who signed these bytes, and which payout they are about. Pure.

What is signed is `<transmission id>|<time>|<webhook id>|<CRC32 of the raw body, decimal>`, so a
genuine signature fits any body that was made to have the same CRC32. Therefore nothing of a body is
believed: it names a batch, which is fetched; and an event is known by its transmission id, which is
signed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from marketplace.processors.base import BadPayload, BadSignature, Ref

ID, TIME, SIGNATURE, CERTIFICATE, ALGORITHM = HEADERS = (
    "Paypal-Transmission-Id",
    "Paypal-Transmission-Time",
    "Paypal-Transmission-Sig",
    "Paypal-Cert-Url",
    "Paypal-Auth-Algo",
)
# PayPal tries for three days, each time with the time of the first try; nothing is from the future.
OLDEST, NEWEST = timedelta(days=3), timedelta(seconds=300)
CERTIFICATE_PATH = "/v1/notifications/certs/"
# Where it lies. PayPal's domain has many other hosts, on which others may publish what they like.
LIVE_HOSTS = ("api.paypal.com", "api-m.paypal.com")
TEST_HOSTS = ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com")
_TOKEN_MAX = 255


def certificate_url(headers: Mapping[str, str], sandbox_base: str | None, livemode: bool) -> str:
    """Return where the certificate of a webhook is, once that is a place of PayPal's.

    Args:
        sandbox_base: the one address that is allowed instead, in sandbox mode.
        livemode: of our keys; the hosts of the other mode are as foreign as any.

    Raises:
        BadSignature: it is anywhere else, or no place at all.
    """
    url = headers.get(CERTIFICATE, "")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadSignature("the certificate has no address") from error
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    name = parts.path.removeprefix(CERTIFICATE_PATH)
    plain = plain and parts.path.startswith(CERTIFICATE_PATH)
    plain = plain and name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    if sandbox_base is None:
        hosts = LIVE_HOSTS if livemode else TEST_HOSTS
        allowed = parts.scheme == "https" and port in (None, 443) and host in hosts
    else:
        allowed = f"{parts.scheme}://{parts.netloc}" == sandbox_base
    if not (plain and allowed):
        raise BadSignature("the certificate is not at an address of PayPal's")
    return url


def check_time(headers: Mapping[str, str], wall_at: datetime) -> None:
    """Refuse what is too old or from the future.

    Raises:
        BadSignature: it is, or says no time.
    """
    try:
        sent_at = datetime.fromisoformat(headers.get(TIME, "").replace("Z", "+00:00"))
    except ValueError as error:
        raise BadSignature("the webhook says no time") from error
    if sent_at.tzinfo is None or not -NEWEST <= wall_at - sent_at.astimezone(UTC) <= OLDEST:
        raise BadSignature("the webhook is too old, or from the future")


def check_signature(
    raw: bytes,
    headers: Mapping[str, str],
    webhook_id: str,
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    signer: str,
    wall_at: datetime,
) -> None:
    """Prove that `signer`, whose certificate a root vouches for, signed these bytes' CRC32.

    Raises:
        BadSignature: nobody, or somebody else, did.
    """
    if headers.get(ALGORITHM) != "SHA256withRSA":
        raise BadSignature("an algorithm that PayPal does not use")
    if not chain:
        raise BadSignature("there is no certificate")
    verifier = PolicyBuilder().store(Store(list(roots))).time(wall_at)
    try:
        verifier.build_server_verifier(x509.DNSName(signer)).verify(chain[0], list(chain[1:]))
    except VerificationError as error:
        raise BadSignature("the certificate is not PayPal's") from error
    key = chain[0].public_key()
    if not isinstance(key, RSAPublicKey):
        raise BadSignature("the certificate has no RSA key")
    signed = f"{headers.get(ID)}|{headers.get(TIME)}|{webhook_id}|{zlib.crc32(raw)}"
    try:
        signature = base64.b64decode(headers.get(SIGNATURE, ""), validate=True)
        key.verify(signature, signed.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise BadSignature("the signature is not PayPal's") from error


def read(raw: bytes, headers: Mapping[str, str], livemode: bool) -> Ref:
    """Return what the body of a proven webhook names: a batch, if it is about a payout.

    Raises:
        BadPayload: it is no event.
    """
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadPayload("the body is no JSON") from error
    transmission, event_type = _name(headers.get(ID)), None
    if isinstance(event, dict):
        event_type = _name(event.get("event_type"))
    if transmission is None or event_type is None:
        raise BadPayload("the body is no event")
    batch_id = _batch_id(event, event_type)
    return Ref(
        event_id=transmission,
        event_type=event_type,
        livemode=livemode,
        kind="transfer" if batch_id else None,
        remote_id=batch_id,
        account=None,
    )


def _batch_id(event: Mapping[str, Any], event_type: str) -> str | None:
    resource = event.get("resource")
    if not isinstance(resource, dict):
        return None
    if event_type.startswith("PAYMENT.PAYOUTS-ITEM."):
        return _name(resource.get("payout_batch_id"))
    header = resource.get("batch_header")
    if event_type.startswith("PAYMENT.PAYOUTSBATCH.") and isinstance(header, dict):
        return _name(header.get("payout_batch_id"))
    return None


def _name(value: object) -> str | None:
    """An id or a type as PayPal writes them; anything else is none."""
    if isinstance(value, str) and 0 < len(value) <= _TOKEN_MAX:
        return value if value.isascii() and value.isprintable() else None
    return None
