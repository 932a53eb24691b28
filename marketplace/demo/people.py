"""Who is in the demo world. Every name and address is invented; `.example` belongs to nobody."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from marketplace.extensions import db
from marketplace.parties import brand as brands
from marketplace.parties import creator as creators
from marketplace.parties import user as users
from marketplace.parties.brand import Brand
from marketplace.parties.creator import Creator
from marketplace.parties.user import User

PASSWORD = "demo-password"  # the demo world is public by design

OPERATOR = "operator@demo.example"
BRANDS = {
    "northwind@demo.example": ("Northwind Coffee", "Europe/Paris"),
    "halcyon@demo.example": ("Halcyon Outdoors", "America/New_York"),
    "kite@demo.example": ("Kite & Co", "Europe/London"),
}


class Role(NamedTuple):
    """One creator, and how far their destination gets: 'active', 'restricted', 'onboarding', ''.

    'paypal' = a confirmed address there.
    """

    handle: str
    name: str
    country: str
    time_zone: str
    rhythm: str
    destination: str


class Reach(NamedTuple):
    """How far a creator reaches: where, what about, followers, authentic views on a day."""

    platform: str
    categories: str
    followers: int
    authentic_views: int


REACHES = {
    "ines": Reach("tiktok", "food travel", 84_200, 21_400),
    "tom": Reach("youtube", "outdoors fitness", 46_300, 12_900),
    "nora": Reach("instagram", "home family", 31_800, 8_700),
    "jule": Reach("tiktok", "fashion beauty", 128_500, 33_600),
    "lucia": Reach("tiktok", "music", 58_900, 15_200),
    "sam": Reach("twitch", "gaming tech", 73_400, 18_800),
    "maya": Reach("instagram", "travel outdoors", 22_700, 6_300),
    "jonas": Reach("youtube", "tech education", 39_600, 9_400),
    "ana": Reach("tiktok", "pets", 27_100, 7_100),
    "leo": Reach("tiktok", "fitness", 14_800, 4_600),
    "eva": Reach("instagram", "food home", 18_300, 5_900),
    "oskar": Reach("youtube", "music education", 8_240, 3_450),
}

CREATORS = (
    Role("ines", "Inès Moreau", "FR", "Europe/Paris", "weekly", "active"),
    Role("tom", "Tom Bright", "US", "America/New_York", "monthly", "active"),
    Role("nora", "Nora Field", "GB", "Europe/London", "monthly", "active"),
    Role("jule", "Jule Brandt", "DE", "Europe/Berlin", "weekly", "active"),
    Role("lucia", "Lucía Ramos", "ES", "Europe/Madrid", "weekly", "active"),
    Role("sam", "Sam Ortega", "US", "America/Los_Angeles", "monthly", "active"),
    Role("maya", "Maya Quinn", "IE", "Europe/Dublin", "weekly", "active"),
    Role("jonas", "Jonas Keller", "CH", "Europe/Zurich", "monthly", "active"),
    Role("ana", "Ana Teles", "PT", "Europe/Lisbon", "weekly", "restricted"),
    Role("leo", "Leo Maes", "BE", "Europe/Brussels", "weekly", "onboarding"),
    Role("eva", "Eva Visser", "NL", "Europe/Amsterdam", "weekly", "paypal"),
    Role("oskar", "Oskar Lind", "SE", "Europe/Stockholm", "monthly", ""),
)


def mail_of(role: Role) -> str:
    """The address a creator of the demo world logs in with."""
    return f"{role.handle}@demo.example"


def join(at: datetime) -> None:
    """Everybody signs up and confirms their address; one is made an operator."""
    kept = users.hashed(PASSWORD)  # it is everybody's, and hashing it takes long on purpose
    operator = _person(OPERATOR, "Olu Operator", kept, at)
    operator.is_operator = True
    for email, (name, time_zone) in BRANDS.items():
        brands.found(_person(email, f"{name} team", kept, at), name, time_zone, at)
    for role in CREATORS:
        person = _person(mail_of(role), role.name, kept, at)
        creator = creators.join(person, role.handle, role.country, role.time_zone, at)
        creator.choose_rhythm(role.rhythm, at)


def _person(email: str, name: str, password_hash: str, at: datetime) -> User:
    person = users.enroll(email, name, password_hash, at)
    person.confirm(at)
    return person


def best_day(present: datetime) -> datetime:
    """Noon of the day on which ines earns all five kinds of income: no month's end parts them."""
    zone = ZoneInfo(next(role.time_zone for role in CREATORS if role.handle == "ines"))
    day = present.astimezone(zone).date() - timedelta(days=31)
    return datetime.combine(day, time(12), zone)


def operator() -> User:
    """The operator of the demo world."""
    return _found(OPERATOR)


def brand(email: str) -> tuple[User, Brand]:
    """A brand of the demo world, with the person who acts for it."""
    person = _found(email)
    acting_for = brands.of_user(person)
    assert acting_for is not None
    return person, acting_for


def creator(handle: str) -> Creator:
    """A creator of the demo world."""
    found = creators.by_handle(handle)
    assert found is not None
    return found


def _found(email: str) -> User:
    person = users.by_email(email)
    assert person is not None, f"{email} is not in the demo world"
    return person


def is_empty() -> bool:
    """Has nobody signed up yet?"""
    return db.session.query(User.id).first() is None


def is_demo() -> bool:
    """Is this the demo world?"""
    return users.by_email(OPERATOR) is not None


def logins() -> str:
    """The addresses to log in with, as `make run` prints them."""
    rows = [("operator", OPERATOR), ("brand", "northwind@demo.example")]
    rows += [("creator", "ines@demo.example"), ("99.99 USD", "nora@demo.example")]
    rows += [("100.00 USD", "tom@demo.example")]
    lines = [f"    {what:11} {email}" for what, email in rows]
    return "\n".join([f"demo log-ins, password {PASSWORD}:", *lines])
