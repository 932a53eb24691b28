"""The next payout run before it is due: whom it would pay, and for everybody else why not."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from marketplace import clock
from marketplace.access import audience
from marketplace.payouts import dry_run
from marketplace.payouts.explain import as_json
from marketplace.web.operator import bp
from marketplace.web.operator_runs import about

# So many creators are listed; what the run needs is summed up over all of them.
CREATORS_MAX = 500


@bp.get("/payouts/runs/next")
@audience("operator")
def next_run() -> ResponseReturnValue:
    """The next run of the schedule that `?rhythm=` and `?zone=` name, or the soonest of all."""
    coming = dry_run.coming(clock.now())
    asked = request.args.get("rhythm"), request.args.get("zone")
    named = (run for run in coming if (run.rhythm, run.time_zone) == asked)
    run = next(named, coming[0] if coming else None)
    lines = dry_run.foresee(run) if run else []
    creators = list({line.creator.id: None for line in lines})
    listed = set(creators[:CREATORS_MAX])
    return render_template(
        "operator/next_run.html",
        coming=coming,
        run=run,
        lines=[line for line in lines if line.creator.id in listed],
        paid=sum(line.decision.payable for line in lines),
        excluded=sum(not line.decision.payable for line in lines),
        **about(dry_run.pays(lines), run.rhythm, run.time_zone, run.due.at) if run else {},
        is_cut=len(creators) > CREATORS_MAX,
        most=CREATORS_MAX,
        as_json=as_json,
    )
