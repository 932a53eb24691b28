"""Whether campaigns can pay for sales: what they have free is theirs to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from marketplace.money import Money, zero

# What this owner ('campaign:<32 hex>') has reserved and free for sales; None if it is over. It is
# locked by being asked, so that the answer holds until the commit.
Room = Callable[[str], Money | None]


def covered(wanted: Iterable[tuple[str, Money]], room: Room) -> bool:
    """Has each owner free what all that is wanted of it comes to? They are asked in one order."""
    total: dict[str, Money] = {}
    for owner, amount in wanted:
        total[owner] = amount + total.get(owner, zero(amount.currency))
    for owner in sorted(total):
        free = room(owner)
        if free is None or free < total[owner]:
            return False
    return True
