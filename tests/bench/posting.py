"""Posting through our public Python API, against what django-hordak's `transfer_to` does.

Eight client processes each, on the same server with fsync on, in turn. Both record a transfer
between two of 200 accounts with a guard in the database that it balances. Ours also has an
idempotency key, a cause, maintained balances that cannot fall below zero, and gapless versions.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial

from marketplace.config import REPOSITORY
from tests.bench import posting_client
from tests.bench.figures import Figure, figure
from tests.bench.scene import Crew, Scene

ROUNDS = 5
SECONDS = 2.0
PEER_PYTHON = REPOSITORY / ".venv-bench" / "bin" / "python"
PEER = REPOSITORY / "tests" / "bench" / "peers" / "hordak_client.py"

# Our case, what it is, theirs, and the goal.
CASES = {
    "post.single.vs_hordak": ("single", "one posting between two of 200 accounts", "single", 4.0),
    "post.hot.vs_hordak": ("hot", "one posting that touches the platform's account", "hot", 4.0),
    "post.batch.vs_hordak": ("batch", "postings in batches of 1,000", "hot", 50.0),
}


def _measure(id: str, scene: Scene) -> Figure:
    case, what, peer_case, goal = CASES[id]
    app = scene.app("posting")
    with app.app_context():
        posting_client.fill()
    scene.server.ensure_database("hordak")
    peer = [str(PEER_PYTHON), str(PEER), scene.server.conninfo("hordak")]
    subprocess.run([*peer, "prepare"], check=True)
    ours = [sys.executable, "-m", "tests.bench.posting_client", scene.server.url("posting")]
    with Crew(ours) as we, Crew(peer) as they:
        for crew, warm in ((we, case), (they, peer_case)):
            crew.rate(warm, 0.5)
        rounds = [(we.rate(case, SECONDS), they.rate(peer_case, SECONDS)) for _ in range(ROUNDS)]
    return figure(id, what, "postings/s", "django-hordak transfer_to", rounds, goal)


BENCHES: dict[str, Callable[[Scene], Figure]] = {id: partial(_measure, id) for id in CASES}
