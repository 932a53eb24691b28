"""Every way money can move: one function per business event, as debits and credits. Pure.

Each takes amounts that someone else decided; none computes a fee or reads a table. Unless it is an
argument, the key is made of what happened and the id of its cause: the same event posts once.

Owners are strings of the ledger: 'brand:<32 hex>', 'campaign:<32 hex>', 'creator:<32 hex>'.
"""

from __future__ import annotations

from datetime import datetime

from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import AccountRef, Cause, Draft, credit, debit
from marketplace.money import Money

PLATFORM_FEES = AccountRef("platform", AccountKind.PLATFORM_FEES)

# What the platform itself pays from, by kind of earning.
POOLS = {
    "fund": AccountRef("pool:fund", AccountKind.FUND_POOL),
    "gift": AccountRef("pool:gift", AccountKind.GIFT_POOL),
}


def processor_clearing(processor: str) -> AccountRef:
    """Our money at a processor such as 'stripe'."""
    return AccountRef(f"processor:{processor}", AccountKind.PROCESSOR_CLEARING)


def processor_fees(processor: str) -> AccountRef:
    """What a processor charged us so far."""
    return AccountRef(f"processor:{processor}", AccountKind.PROCESSOR_FEES)


def brand_available(brand_owner: str) -> AccountRef:
    """A brand's money that is reserved for nothing."""
    return AccountRef(brand_owner, AccountKind.BRAND_AVAILABLE)


def reserved(campaign_owner: str) -> AccountRef:
    """A brand's money reserved for one campaign."""
    return AccountRef(campaign_owner, AccountKind.RESERVED)


def refund_reserved_of(brand_owner: str) -> AccountRef:
    """A brand's money on its way back to it."""
    return AccountRef(brand_owner, AccountKind.REFUND_RESERVED)


def creator_pending(creator_owner: str) -> AccountRef:
    """What a creator earned that has not matured."""
    return AccountRef(creator_owner, AccountKind.CREATOR_PENDING)


def creator_available(creator_owner: str) -> AccountRef:
    """What a creator is owed now."""
    return AccountRef(creator_owner, AccountKind.CREATOR_AVAILABLE)


def creator_contested(creator_owner: str) -> AccountRef:
    """What a creator earned that is held until its contest is decided."""
    return AccountRef(creator_owner, AccountKind.CREATOR_CONTESTED)


def payout_reserved_of(creator_owner: str) -> AccountRef:
    """What a creator has in a payout that is not paid yet."""
    return AccountRef(creator_owner, AccountKind.PAYOUT_RESERVED)


def creator_debt(creator_owner: str) -> AccountRef:
    """What a creator owes: clawed back when it was no longer there to take."""
    return AccountRef(creator_owner, AccountKind.CREATOR_DEBT)


# ---- money in


def deposit_received(
    processor: str, brand_owner: str, amount: Money, charge_ref: str, cause: Cause, at: datetime
) -> Draft:
    """A brand's charge succeeded: the money sits at the processor and belongs to the brand."""
    debited, credited = processor_clearing(processor), brand_available(brand_owner)
    return _move("deposit_received", debited, credited, amount, cause, at, f"deposit:{charge_ref}")


def pool_filled(
    processor: str, pool: AccountRef, amount: Money, charge_ref: str, cause: Cause, at: datetime
) -> Draft:
    """An operator's charge succeeded: a pool, one of `POOLS`, can pay that much more."""
    debited = processor_clearing(processor)
    return _move("pool_filled", debited, pool, amount, cause, at, f"deposit:{charge_ref}")


def processor_fee_charged(
    processor: str, fee: Money, fee_ref: str, cause: Cause, at: datetime
) -> Draft:
    """The processor kept its fee of a charge; `fee_ref` is its own balance transaction."""
    debited, credited = processor_fees(processor), processor_clearing(processor)
    key = f"processor_fee:{fee_ref}"
    return _move("processor_fee_charged", debited, credited, fee, cause, at, key)


def campaign_reserved(
    brand_owner: str, campaign_owner: str, amount: Money, key: str, cause: Cause, at: datetime
) -> Draft:
    """Set a brand's money aside for one campaign."""
    debited, credited = brand_available(brand_owner), reserved(campaign_owner)
    return _move("campaign_reserved", debited, credited, amount, cause, at, key)


def campaign_released(
    brand_owner: str, campaign_owner: str, amount: Money, key: str, cause: Cause, at: datetime
) -> Draft:
    """Give reserved money back to the brand."""
    debited, credited = reserved(campaign_owner), brand_available(brand_owner)
    return _move("campaign_released", debited, credited, amount, cause, at, key)


def refund_reserved(brand_owner: str, amount: Money, cause: Cause, at: datetime) -> Draft:
    """Set money aside that goes back to the brand's card, before the processor hears of it."""
    debited, credited = brand_available(brand_owner), refund_reserved_of(brand_owner)
    return _move("refund_reserved", debited, credited, amount, cause, at)


def refund_paid(
    processor: str, brand_owner: str, amount: Money, cause: Cause, at: datetime
) -> Draft:
    """The processor confirmed the refund: the money left."""
    debited, credited = refund_reserved_of(brand_owner), processor_clearing(processor)
    return _move("refund_paid", debited, credited, amount, cause, at)


def refund_released(brand_owner: str, amount: Money, cause: Cause, at: datetime) -> Draft:
    """The refund failed: the brand has the money again."""
    debited, credited = refund_reserved_of(brand_owner), brand_available(brand_owner)
    return _move("refund_released", debited, credited, amount, cause, at)


def refund_bounced(
    processor: str, brand_owner: str, amount: Money, cause: Cause, at: datetime
) -> Draft:
    """A refund that was paid came back to the processor: the brand has the money again."""
    debited, credited = processor_clearing(processor), brand_available(brand_owner)
    return _move("refund_bounced", debited, credited, amount, cause, at)


def processor_funded(
    from_processor: str, to_processor: str, amount: Money, cause: Cause, at: datetime
) -> Draft:
    """An operator moved our own money between processors: nobody is owed more or less."""
    debited, credited = processor_clearing(to_processor), processor_clearing(from_processor)
    return _move("processor_funded", debited, credited, amount, cause, at)


# ---- money owed


def earning_accrued(
    source: AccountRef,
    creator_owner: str,
    net: Money,
    platform_fee: Money,
    cause: Cause,
    at: datetime,
) -> Draft:
    """`source`, a reservation or a pool, now owes `net` to the creator, after our platform fee."""
    kind = "earning_accrued"
    lines = [debit(source, net + platform_fee), credit(creator_pending(creator_owner), net)]
    if platform_fee:
        lines.append(credit(PLATFORM_FEES, platform_fee))
    return Draft(kind, _key(kind, cause), cause, at, tuple(lines))


def earning_matured(creator_owner: str, net: Money, cause: Cause, at: datetime) -> Draft:
    """Nothing can undo the earning any more: pending becomes available."""
    debited, credited = creator_pending(creator_owner), creator_available(creator_owner)
    return _move("earning_matured", debited, credited, net, cause, at)


def earning_contested(held_from: AccountRef, amount: Money, cause: Cause, at: datetime) -> Draft:
    """An earning is contested: it is held, out of the creator's pending or available money."""
    credited = creator_contested(held_from.owner)
    return _move("earning_contested", held_from, credited, amount, cause, at)


def earning_released(back_to: AccountRef, amount: Money, cause: Cause, at: datetime) -> Draft:
    """A contest is over and the earning stands: it is pending or available again."""
    debited = creator_contested(back_to.owner)
    return _move("earning_released", debited, back_to, amount, cause, at)


def earning_clawed_back(
    taken_from: AccountRef,
    taken: Money,
    owing: Money,
    platform_fee: Money,
    back_to: AccountRef,
    cause: Cause,
    at: datetime,
) -> Draft:
    """An earning was undone, wholly or in part: the creator's net and our platform fee go back.

    What the creator no longer has, `owing`, becomes their debt. `taken_from` is the account, of
    pending, available or contested money, that bears the rest; `back_to` gets all of it.
    """
    kind = "earning_clawed_back"
    parts = (
        (taken_from, taken),
        (creator_debt(taken_from.owner), owing),
        (PLATFORM_FEES, platform_fee),
    )
    lines = [debit(account, amount) for account, amount in parts if amount]
    lines.append(credit(back_to, taken + owing + platform_fee))
    return Draft(kind, _key(kind, cause), cause, at, tuple(lines))


# ---- money out


def payout_reserved(
    creator_owner: str, amount: Money, recovered: Money, cause: Cause, at: datetime
) -> Draft:
    """Set the whole payout aside before any processor hears of it.

    `recovered` leaves the available balance too and repays that much of the creator's debt.
    """
    kind = "payout_reserved"
    lines = [
        debit(creator_available(creator_owner), amount + recovered),
        credit(payout_reserved_of(creator_owner), amount),
    ]
    if recovered:
        lines.append(credit(creator_debt(creator_owner), recovered))
    return Draft(kind, _key(kind, cause), cause, at, tuple(lines))


def payout_paid(
    processor: str, creator_owner: str, amount: Money, cause: Cause, at: datetime
) -> Draft:
    """The processor confirmed: the money is the creator's."""
    debited, credited = payout_reserved_of(creator_owner), processor_clearing(processor)
    return _move("payout_paid", debited, credited, amount, cause, at)


def payout_arrived_late(
    processor: str, creator_owner: str, taken: Money, owing: Money, cause: Cause, at: datetime
) -> Draft:
    """A payout that was given back arrived after all: out of what is there, the rest is debt."""
    kind = "payout_arrived_late"
    parts = ((creator_available(creator_owner), taken), (creator_debt(creator_owner), owing))
    lines = [debit(account, amount) for account, amount in parts if amount]
    lines.append(credit(processor_clearing(processor), taken + owing))
    return Draft(kind, _key(kind, cause), cause, at, tuple(lines))


def rest_paid(processor: str, owner: str, amount: Money, cause: Cause, at: datetime) -> Draft:
    """What no rail can send of an account that closes was paid another way, out of our money."""
    debited, credited = creator_available(owner), processor_clearing(processor)
    return _move("rest_paid", debited, credited, amount, cause, at)


def payout_returned(
    processor: str, creator_owner: str, amount: Money, cause: Cause, at: datetime
) -> Draft:
    """A payout that was paid came back to the processor: the creator is owed it again."""
    debited, credited = processor_clearing(processor), creator_available(creator_owner)
    return _move("payout_returned", debited, credited, amount, cause, at)


def payout_released(
    creator_owner: str, amount: Money, recovered: Money, cause: Cause, at: datetime
) -> Draft:
    """A payout failed or was canceled: all of it is available again, and its debt is back too."""
    kind = "payout_released"
    lines = [
        debit(payout_reserved_of(creator_owner), amount),
        credit(creator_available(creator_owner), amount + recovered),
    ]
    if recovered:
        lines.append(debit(creator_debt(creator_owner), recovered))
    return Draft(kind, _key(kind, cause), cause, at, tuple(lines))


def _move(
    kind: str,
    debited: AccountRef,
    credited: AccountRef,
    amount: Money,
    cause: Cause,
    at: datetime,
    key: str | None = None,
) -> Draft:
    key = key or _key(kind, cause)
    return Draft(kind, key, cause, at, (debit(debited, amount), credit(credited, amount)))


def _key(kind: str, cause: Cause) -> str:
    """The key of what happens at most once to its cause."""
    return f"{kind}:{cause.id.hex}"
