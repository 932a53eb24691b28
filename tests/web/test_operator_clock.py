"""The demo clock's page: asks for days and follows the walk; a live site does not have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from marketplace import clock, create_app, demo_clock
from marketplace.extensions import db
from tests.challenges.make import make_challenge
from tests.harness import Ports, settings_for_tests
from tests.make import earn, make_brand, make_creator
from tests.web.operating import Operating, operating

__all__ = ["operating"]

DAY_S = 86_400


def offsets(operating: Operating) -> tuple[int, int]:
    row = operating.within(demo_clock.row)
    return row.offset_s, row.wanted_offset_s


def test_days_are_asked_for_and_the_page_follows_the_walk(operating: Operating) -> None:
    page = operating.see("/operator/clock")
    assert "The same as on the wall." in page
    assert "hx-trigger" not in page
    reply = operating.send("/operator/clock", days="7")
    assert reply.status_code == 303
    assert offsets(operating) == (0, 7 * DAY_S)

    walking = operating.see(reply.location)
    assert 'hx-trigger="every 1s"' in walking
    assert '<noscript><meta http-equiv="refresh"' in walking
    assert f'<progress value="0" max="{7 * DAY_S}"' in walking

    def walk(days: int) -> None:
        demo_clock.set_to(clock.wall_now() + timedelta(days=days))
        db.session.commit()

    operating.within(lambda: walk(5))
    assert "71 %" in operating.see(reply.location)
    operating.within(lambda: walk(7))
    followed = operating.client.get(reply.location, headers={"HX-Request": "true"})
    assert followed.headers["HX-Refresh"] == "true"
    arrived = operating.see(reply.location)
    assert "hx-trigger" not in arrived
    assert "7 days ahead of the wall" in arrived


def test_what_falls_due_next_is_listed(operating: Operating) -> None:
    assert "nothing waits" in operating.see("/operator/clock")
    operating.within(lambda: earn(make_creator().creator, "10.00 USD"))
    page = operating.see("/operator/clock")
    assert "in 1 week" in page, "the earning matures"


def test_challenges_and_work_that_never_came_are_listed(operating: Operating) -> None:
    page = operating.see("/operator/clock")
    assert "A challenge closes, is judged or awarded" in page
    assert "Work that never came is given up" in page
    assert "A contest ends without a decision" in page

    def begin() -> None:
        make_challenge(make_brand())
        db.session.commit()

    operating.within(begin)
    page = operating.see("/operator/clock")
    first = page[page.index("What falls due next") :]
    assert first.index("A challenge closes") < first.index("Earnings mature")
    assert page.count("nothing waits") == page.count('class="due"') - 1


@pytest.mark.parametrize("days", ["0", "-1", "401", "1.5", "x", "", "9" * 30, "\u0663"])
def test_days_out_of_bounds_move_nothing(operating: Operating, days: str) -> None:
    reply = operating.send("/operator/clock", days=days)
    assert reply.status_code == 422
    assert 'id="f-days-error"' in reply.text
    assert offsets(operating) == (0, 0)


@pytest.mark.parametrize("begun", ["x", "-5", "9" * 30, "99999999"])
def test_an_odd_beginning_of_the_walk_does_no_harm(operating: Operating, begun: str) -> None:
    operating.send("/operator/clock", days="1")
    operating.see(f"/operator/clock?begun={begun}")


def test_two_asks_add_up(operating: Operating) -> None:
    operating.send("/operator/clock", days="1")
    operating.send("/operator/clock", days="30")
    assert offsets(operating) == (0, 31 * DAY_S)


def test_a_live_site_has_no_demo_clock(database_url: str, ports: Ports) -> None:
    settings = replace(
        settings_for_tests(database_url, ports),
        sandbox=False,
        stripe_api_base=None,
        stripe_secret_key="sk_live_of_a_test",
    )
    app = create_app(settings)
    assert "operator.clock" not in app.view_functions
    assert "operator.move_clock" not in app.view_functions
    assert app.test_client().get("/operator/clock").status_code == 404
