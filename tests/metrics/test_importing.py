"""Importing metrics: good rows are taken, bad ones named; again is harmless, later corrects."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.metrics import facts as creator_facts
from marketplace.metrics import video
from marketplace.metrics.channel import Channel
from marketplace.metrics.daily import ChannelDay
from marketplace.metrics.facts import CreatorFacts, facts_of
from marketplace.metrics.importing import MetricImport, MetricLine, import_metrics
from marketplace.metrics.reading import CHANNEL_COLUMNS, read_csv, read_json
from tests.make import import_days, make_creator
from tests.within import at_once, within

__all__ = ["within"]


def day(ago: int) -> date:
    return clock.now().date() - timedelta(days=ago)


def line(ago: int, followers: int = 100, views: int = 50, authentic: int = 40) -> str:
    return f"ines,tiktok,@Ines,{day(ago)},{followers},{views},{authentic},5"


def lines(brought: MetricImport) -> list[tuple[int, str, str]]:
    found = select(MetricLine).where(MetricLine.import_id == brought.id).order_by(MetricLine.line)
    return [(it.line, it.outcome, it.reason) for it in db.session.scalars(found)]


def test_a_channel_is_born_by_the_first_row_that_names_it_and_its_days_are_counted() -> None:
    ines = make_creator("ines").creator
    brought = import_days([line(2), line(1, followers=120)])
    assert brought.counts == {"new": 2, "known": 0, "corrected": 0, "refused": 0}
    facts = facts_of(ines.id, clock.now())
    assert (facts.followers, facts.views_30d, facts.authentic_views_30d) == (120, 100, 80)
    assert facts.engagement_bps == 1_000
    assert facts.measured_on == day(1)
    (channel,) = db.session.scalars(select(Channel))
    assert (channel.platform, channel.handle) == ("tiktok", "ines")


def test_the_same_file_again_changes_nothing() -> None:
    make_creator("ines")
    import_days([line(2), line(1)])
    again = import_days([line(2), line(1)])
    assert again.counts == {"new": 0, "known": 2, "corrected": 0, "refused": 0}
    assert set(db.session.scalars(select(ChannelDay.import_id))) != {again.id}


def test_a_later_file_corrects_a_day_and_its_report_says_what_stood_before() -> None:
    ines = make_creator("ines").creator
    import_days([line(2), line(1)])
    second = import_days([line(1, views=70, authentic=60)])
    assert second.counts["corrected"] == 1
    assert lines(second) == [(2, "corrected", "views: 50 → 70, authentic_views: 40 → 60")]
    corrected = db.session.scalars(select(ChannelDay).where(ChannelDay.day == day(1))).one()
    assert corrected.import_id == second.id
    assert facts_of(ines.id, clock.now()).authentic_views_30d == 100


def test_each_bad_row_is_named_and_the_good_ones_are_taken() -> None:
    make_creator("ines")
    make_creator("tom")
    brought = import_days(
        [
            line(1),
            f"nobody,tiktok,x,{day(1)},1,1,1,1",
            f"ines,myspace,ines,{day(1)},1,1,1,1",
            f"tom,tiktok,ines,{day(1)},1,1,1,1",
            f"ines,tiktok,ines,{day(-1)},1,1,1,1",
            f"ines,tiktok,ines,{day(3)},1,10,11,1",
            f"ines,tiktok,ines,{day(3)},-1,1.5,1,one",
            "ines,tiktok,ines,yesterday,1,1,1,1",
            line(1, followers=7),
        ]
    )
    assert brought.counts == {"new": 1, "known": 0, "corrected": 0, "refused": 8}
    reasons = [reason for _, _, reason in lines(brought)]
    assert reasons == [
        "handle: no creator is called nobody",
        "platform: one of tiktok, instagram, youtube, twitch",
        "channel: it belongs to another creator",
        "day: this day has not come yet",
        "authentic_views: at most as many as views",
        "followers: a whole number, 0 or more; views: a whole number, 0 or more;"
        " engagements: a whole number, 0 or more",
        "day: a date such as 2026-11-30",
        "day: an earlier line has other numbers for it",
    ]


def test_followers_are_summed_over_channels_and_categories_are_those_of_all() -> None:
    ines = make_creator("ines").creator
    header = "handle,platform,channel,day,followers,views,authentic_views,engagements,categories"
    rows = [
        f"ines,tiktok,ines,{day(1)},100,10,10,1,food|travel",
        f"ines,youtube,i,{day(2)},40,5,5,0,",
    ]
    rows.append(f"ines,twitch,i,{day(2)},40,5,5,0,cooking")
    content = "\n".join([header, *rows]).encode()
    brought = import_metrics(
        read_csv(content),
        content,
        filename="x",
        uploaded_by=None,
        form_key=new_id(),
        at=clock.now(),
    )
    db.session.commit()
    assert lines(brought) == [(4, "refused", "categories: not known: cooking")]
    facts = facts_of(ines.id, clock.now())
    assert (facts.followers, facts.categories) == (140, ("food", "travel"))


def test_the_window_of_thirty_days_rolls_with_each_day_that_begins() -> None:
    ines = make_creator("ines").creator
    import_days([line(29), line(0)])
    at = clock.now()
    assert facts_of(ines.id, at).views_30d == 100
    assert not creator_facts.roll_due(at), "today is counted"
    tomorrow = at + timedelta(days=1)
    assert creator_facts.roll_due(tomorrow)
    db.session.commit()
    assert facts_of(ines.id, tomorrow).views_30d == 50
    later = at + timedelta(days=31)
    assert creator_facts.roll_due(later)
    db.session.commit()
    facts = facts_of(ines.id, later)
    assert (facts.views_30d, facts.followers, facts.measured_on) == (0, 100, day(0))


def test_a_creator_of_whom_nothing_was_imported_has_no_facts_but_a_country() -> None:
    ines = make_creator("ines").creator
    facts = facts_of(ines.id, clock.now())
    assert (facts.followers, facts.measured_on, facts.country) == (0, None, "FR")


def test_a_body_of_a_signed_source_has_channels_and_videos() -> None:
    make_creator("ines")
    channel = {"handle": "ines", "platform": "tiktok", "channel": "ines", "day": str(day(1))}
    sent = {
        "channels": [
            channel | {"followers": 9, "views": 8, "authentic_views": 7, "engagements": 1}
        ],
        "videos": [
            channel
            | {"link": "https://www.tiktok.com/@ines/video/7?x=1", "views": 5}
            | {"authentic_views": 4},
            "nonsense",
        ],
    }
    import json

    content = json.dumps(sent).encode()
    brought = import_metrics(
        read_json(content),
        content,
        filename="x",
        uploaded_by=None,
        form_key=new_id(),
        at=clock.now(),
    )
    db.session.commit()
    assert brought.counts == {"new": 2, "known": 0, "corrected": 0, "refused": 1}
    key, other = "tiktok.com/@ines/video/7", "tiktok.com/@ines/video/8"
    assert video.link_key("http://tiktok.com/@ines/video/7/") == key
    assert video.totals([key, other], day(3), day(1)) == {key: 4}
    assert video.totals([key], day(9), day(2)) == {}


@pytest.mark.parametrize("content", [b"", b"[1", b"[]", b"{}", b'{"channels": 3}', b"\xff"])
def test_a_body_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput):
        read_json(content)


@pytest.mark.parametrize("content", [b"", b"handle\nines", b"\xff\xfe", b"a\0b", b'handle,"x\n'])
def test_a_file_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput):
        read_csv(content)


def test_a_column_that_is_named_twice_is_refused() -> None:
    head = ",".join([*CHANNEL_COLUMNS, "Views"])
    with pytest.raises(BadInput, match="names columns twice: views"):
        read_csv(f"{head}\n{line(1)},7\n".encode())


def test_a_video_of_another_channel_is_refused() -> None:
    make_creator("ines")
    make_creator("tom")
    link = "https://youtu.be/abc"
    import_days([f"ines,youtube,ines,{link},{day(1)},10,9"], videos=True)
    brought = import_days(
        [f"tom,youtube,tom,https://www.youtube.com/watch?v=abc&t=9,{day(1)},10,9"], videos=True
    )
    assert [reason for _, _, reason in lines(brought)] == ["link: it belongs to another channel"]


LINKS = {
    "https://www.TikTok.com/@ines/video/7/?lang=fr#x": "tiktok.com/@ines/video/7",
    "m.youtube.com/watch?v=aB3&t=4": "youtube.com/watch?v=aB3",
    "https://youtu.be/aB3": "youtube.com/watch?v=aB3",
    "https://youtu.be/": "",
    "https://youtube.com/watch": "",
    "https://www.youtube.com/watch?v=%00": "",
    "http://instagram.com/p/Xy/": "instagram.com/p/Xy",
    "javascript:alert(1)": "",
    "https://nowhere": "",
    "https://tiktok.com": "",
    "http://[": "",
    "": "",
}


def test_a_day_said_twice_with_other_categories_is_taken_once() -> None:
    ines = make_creator("ines").creator
    import_days([f"{line(2)},food"], categories=True)
    brought = import_days([f"{line(1)},food", f"{line(1)},travel"], categories=True)
    assert (brought.counts["new"], brought.counts["corrected"]) == (1, 1)
    assert facts_of(ines.id, clock.now()).categories == ("travel",)


def test_absurd_numbers_stay_numbers() -> None:
    ines = make_creator("ines").creator
    assert import_days([f"ines,tiktok,ines,{day(1)},1,1,1,{10**15}"]).counts["new"] == 1
    assert facts_of(ines.id, clock.now()).engagement_bps == 10**9


def test_a_channel_without_a_name_is_refused() -> None:
    make_creator("ines")
    brought = import_days([f"ines,tiktok,@,{day(1)},1,1,1,1"])
    assert lines(brought) == [(2, "refused", "channel: missing, or nothing that can be kept")]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_is_known_by_one_form(link: str) -> None:
    assert video.link_key(link) == LINKS[link]


def test_two_imports_of_the_same_days_at_one_moment_take_each_day_once(within: object) -> None:
    from flask import current_app

    make_creator("ines")
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    rows = [line(ago) for ago in range(1, 20)]
    brought = at_once(app, *[lambda: import_days(rows).counts["new"]] * 4)
    assert sorted(map(str, brought)) == ["0", "0", "0", "19"]
    assert db.session.scalar(select(func.count()).select_from(ChannelDay)) == 19
    assert db.session.scalar(select(func.sum(CreatorFacts.views_30d))) == 19 * 50
