"""A file of credit transfers: pain.001.001.09, as banks of SEPA take it. No database, no clock.

The same payments give the same file, byte for byte: nothing in it is of chance.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # nosec B405
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import sepaxml
import xmlschema
from sepaxml import SepaTransfer

from marketplace import sepa
from marketplace.money import Money
from marketplace.processors.bank import MOST

SCHEMA = "pain.001.001.09"
MESSAGE_ID_LENGTH_MAX = 35
_XSD = Path(sepaxml.__file__).parent / "schemas" / f"{SCHEMA}.xsd"
_NAMES = {"": f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"}


class Malformed(ValueError):
    """A file that no bank would take, or one that is not what it should be."""


@dataclass(frozen=True)
class Payment:
    """One credit transfer. `reference` comes back with whatever the bank says of it."""

    reference: str
    name: str
    iban: str
    amount: Money


class _Transfers(SepaTransfer):
    """The library makes its ids of chance and its time of the machine's: ours are given."""

    def __init__(self, debtor: sepa.Account, message_id: str, at: datetime) -> None:
        self._given = message_id, at.strftime("%Y-%m-%dT%H:%M:%S")
        config = {
            "name": debtor.name,
            "IBAN": debtor.iban,
            "currency": sepa.CURRENCY,
            "batch": True,
        }
        if debtor.bic:
            config["BIC"] = debtor.bic
        # Names are clean already: cleaning here would cut what is too long in silence.
        super().__init__(config, schema=SCHEMA, clean=False)

    def _create_header(self) -> None:
        super()._create_header()
        self._set("GrpHdr/MsgId", self._given[0])
        self._set("GrpHdr/CreDtTm", self._given[1])

    def _finalize_batch(self) -> None:
        super()._finalize_batch()
        self._set("PmtInf/PmtInfId", self._given[0])

    def _set(self, path: str, value: str) -> None:
        (node,) = self._xml.findall(f"{self.root_el}/{path}")
        node.text = value


def write(
    debtor: sepa.Account,
    message_id: str,
    payments: Sequence[Payment],
    *,
    execute_on: date,
    description: str,
    at: datetime,
) -> bytes:
    """Return the file that asks our bank for these payments.

    Raises:
        Malformed: an amount that is none of SEPA's, or a value that the schema refuses.
    """
    transfers = _Transfers(debtor, message_id, at)
    for payment in payments:
        if payment.amount.currency != MOST.currency or not 0 < payment.amount.minor <= MOST.minor:
            raise Malformed(f"{payment.reference}: {payment.amount} is no amount of SEPA's")
        transfers.add_payment(
            {
                "name": payment.name,
                "IBAN": payment.iban,
                "amount": payment.amount.minor,
                "execution_date": execute_on,
                "description": description,
                "endtoend_id": payment.reference,
            }
        )
    content: bytes = transfers.export(validate=False)
    if read(content) != list(payments):
        raise Malformed(f"{message_id} does not say what was to be paid")
    return content


def read(content: bytes) -> list[Payment]:
    """Return the payments of a file that the schema takes and whose sums are right.

    Raises:
        Malformed: the schema refuses it, or its sums are not those of its payments.
    """
    try:
        _schema().validate(content.decode())
    except (xmlschema.XMLSchemaException, ET.ParseError, UnicodeDecodeError) as error:
        raise Malformed(f"not {SCHEMA}: {error}") from error
    # Of our own making, and validated.
    document = ET.fromstring(content)  # nosec B314
    payments = [_payment(node) for node in document.iterfind(".//CdtTrfTxInf", _NAMES)]
    total = sum(payment.amount.minor for payment in payments)
    for node in (document.find(".//GrpHdr", _NAMES), *document.iterfind(".//PmtInf", _NAMES)):
        if node is None or _text(node, "NbOfTxs") != str(len(payments)):
            raise Malformed("the number of payments is another")
        if _minor(_text(node, "CtrlSum")) != total:
            raise Malformed("the sum of the payments is another")
    return payments


@lru_cache
def _schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(_XSD))


def _payment(node: ET.Element) -> Payment:
    amount = node.find("Amt/InstdAmt", _NAMES)
    if amount is None or not amount.text:
        raise Malformed("a payment without an amount")
    return Payment(
        reference=_text(node, "PmtId/EndToEndId"),
        name=_text(node, "Cdtr/Nm"),
        iban=_text(node, "CdtrAcct/Id/IBAN"),
        amount=Money(_minor(amount.text), amount.attrib["Ccy"]),
    )


def _text(node: ET.Element, path: str) -> str:
    found = node.findtext(path, namespaces=_NAMES)
    if not found:
        raise Malformed(f"{path} is missing")
    return found


def _minor(text: str) -> int:
    """Cents of an amount; the schema would take a third decimal."""
    whole, _, decimals = text.partition(".")
    if len(decimals) != 2:
        raise Malformed(f"{text} has other than two decimals")
    return int(whole + decimals)


def total(payments: Iterable[Payment]) -> Money:
    """What the payments come to."""
    return Money(sum(payment.amount.minor for payment in payments), sepa.CURRENCY)
