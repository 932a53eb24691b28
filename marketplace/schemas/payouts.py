"""What creators send about being paid."""

from __future__ import annotations

from marketplace.parties.creator import RHYTHMS
from marketplace.schemas import Sent
from marketplace.schemas.fields import Choice


class PayoutRhythm(Sent):
    """How often a creator wants to be paid."""

    payout_rhythm = Choice(RHYTHMS)
