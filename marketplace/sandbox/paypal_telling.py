"""What PayPal tells of payouts: events, who signs them, and with which certificate.

The signature covers `<transmission id>|<time>|<webhook id>|<CRC32 of the body, decimal>`, RSA with
SHA-256. A root of the sandbox's own vouches for the certificate; both are made once and kept.
"""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from marketplace.sandbox import deliveries
from marketplace.sandbox.world import Act, Doc, World, stamp

SIGNER = "messageverificationcerts.sandbox.paypal.com"
YEARS = timedelta(days=3650)

_ITEM_EVENTS = {
    "SUCCESS": "SUCCEEDED",
    "ONHOLD": "HELD",
    "RETURNED": "RETURNED",
    "REFUNDED": "REFUNDED",
    "REVERSED": "REFUNDED",  # PayPal has no event of its own for it
    "UNCLAIMED": "UNCLAIMED",
    "BLOCKED": "BLOCKED",
    "DENIED": "DENIED",
    "FAILED": "FAILED",
}


def tell_item(act: Act, item: Doc, status: str) -> None:
    """Owe an event about an item."""
    if status in _ITEM_EVENTS:
        _tell(act, f"PAYMENT.PAYOUTS-ITEM.{_ITEM_EVENTS[status]}", "payouts_item", item)


def tell_batch(act: Act, batch: Doc, status: str) -> None:
    """Owe an event about a batch."""
    _tell(act, f"PAYMENT.PAYOUTSBATCH.{status}", "payouts", batch)


def _tell(act: Act, event_type: str, resource_type: str, resource: Doc) -> None:
    event: Doc = {
        "id": f"WH-{uuid.uuid4().hex[:17].upper()}-{uuid.uuid4().hex[:17].upper()}",
        "create_time": stamp(act.now),
        "resource_type": resource_type,
        "event_type": event_type,
        "summary": event_type.lower(),
        "resource": resource,
        "links": [],
        "event_version": "1.0",
    }
    act.add("paypal_event", event)
    deliveries.enqueue(act, event, "paypal")


def signed(
    world: World,
    event_id: str,
    body: bytes,
    skew: timedelta = timedelta(0),
    *,
    forged: bool = False,
) -> dict[str, str]:
    """The headers under which PayPal posts these bytes; forged ones are signed by nobody.

    `skew`: by how much PayPal's clock is ahead.
    """
    identity = _identity(world)
    transmission = str(uuid.uuid5(uuid.NAMESPACE_URL, event_id))
    at = (datetime.now(UTC) + skew).isoformat(timespec="seconds").replace("+00:00", "Z")
    message = f"{transmission}|{at}|{world.settings.paypal_webhook_id}|{zlib.crc32(body)}"
    key = load_pem_private_key(identity["key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(b"something else" if forged else message.encode(), PKCS1v15(), SHA256())
    return {
        "PAYPAL-TRANSMISSION-ID": transmission,
        "PAYPAL-TRANSMISSION-TIME": at,
        "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
        "PAYPAL-CERT-URL": f"{world.url}/v1/notifications/certs/{identity['name']}",
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
    }


def chain(world: World) -> str:
    """The certificate that signs, and the root, as PEM."""
    identity = _identity(world)
    return str(identity["leaf"] + identity["root"])


def root(world: World) -> str:
    """The root that vouches for it, as PEM."""
    return str(_identity(world)["root"])


def _identity(world: World) -> dict[str, str]:
    """Key and certificates, made when first needed; a restart keeps them."""
    with world.act() as act:
        kept: dict[str, str] | None = act.setting("paypal_identity")
        if kept is None:
            kept = _fresh_identity()
            act.change_setting("paypal_identity", kept)
        return kept


def _fresh_identity() -> dict[str, str]:
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    root_name = _called("Sandbox Root")
    root = (
        _begun(root_name, root_name, root_key.public_key(), root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_for_signing_certificates(), critical=True)
        .sign(root_key, SHA256())
    )
    leaf = (
        _begun(_called(SIGNER), root_name, key.public_key(), root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SIGNER)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(root_key, SHA256())
    )
    return {
        "name": f"CERT-{leaf.serial_number:x}",
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "leaf": leaf.public_bytes(Encoding.PEM).decode(),
        "root": root.public_bytes(Encoding.PEM).decode(),
    }


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + YEARS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _for_signing_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def bent(body: bytes) -> bytes:
    """The event with another id: no signature of ours fits it."""
    event = json.loads(body)
    event["id"] = event["id"].lower()
    return json.dumps(event).encode()
