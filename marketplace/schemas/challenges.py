"""What is sent about challenges and contests: their rules, a link, a score, a reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from flask_babel import gettext
from marshmallow import ValidationError

from marketplace.challenges.challenge import PRIZES_MAX, Kind, RankedBy
from marketplace.challenges.entry import LINK_LENGTH_MAX, SCORE_MAX
from marketplace.money import Money
from marketplace.schemas import Sent
from marketplace.schemas.campaigns import BRIEF_LENGTH_MAX, TITLE_LENGTH_MAX, Budget, WindowDay
from marketplace.schemas.criteria import CriteriaFields
from marketplace.schemas.fields import Amount, Choice, FormKey, Text, WholeNumber

REASON_LENGTH_MAX = 500


class PrizeTable(Text):
    """One prize in each line, the first rank's first; loads a list of Money."""

    nothing: Any = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(length_max=PRIZES_MAX * 20, lines=True, **options)
        self._amount = Amount()

    def read(self, text: str, data: Mapping[str, Any]) -> list[Money]:
        written = [line.strip() for line in text.split("\n") if line.strip()]
        if len(written) > PRIZES_MAX:
            raise ValidationError(gettext("At most %(n)d prizes.", n=PRIZES_MAX))
        prizes: list[Money] = []
        for rank, line in enumerate(written, start=1):
            try:
                prizes.append(self._amount.read(line, data))
            except ValidationError as error:
                why = {"rank": rank, "why": error.messages[0]}
                raise ValidationError(gettext("Line %(rank)d: %(why)s", **why)) from error
        return prizes


class ChallengeTerms(CriteriaFields):
    """A challenge or contest as its brand fills it in. A draft may leave out all but the title."""

    form_key = FormKey()
    title = Text(length_max=TITLE_LENGTH_MAX)
    brief = Text(length_max=BRIEF_LENGTH_MAX, lines=True, required=False)
    kind = Choice(tuple(Kind), required=False)
    ranked_by = Choice(tuple(RankedBy), required=False)
    currency = Choice((), required=False)
    pool = Budget(required=False)
    prizes = PrizeTable(required=False)
    opens_on = WindowDay(required=False)
    closes_on = WindowDay(required=False)

    def __init__(self, currencies: Collection[str]) -> None:
        super().__init__()
        cast(Choice, self.fields["currency"]).values = currencies


class EntryLink(Sent):
    """The public address of a post."""

    link = Text(length_max=LINK_LENGTH_MAX)


class EntryScore(Sent):
    """What a brand gives an entry."""

    score = WholeNumber(0, SCORE_MAX)


class EntryReason(Sent):
    """Why an entry is disqualified, or reinstated."""

    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)
    score = WholeNumber(0, SCORE_MAX, required=False)
