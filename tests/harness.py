"""What tests share beyond fixtures: settings, folders open to every account, records of proofs."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from marketplace import sepa
from marketplace.config import REPOSITORY, Settings
from marketplace.database.embedded_host import open_to_others

PROOFS = REPOSITORY / "var" / "proof.json"


@dataclass(frozen=True)
class Ports:
    """The two loopback ports of one test process: our web server's and the sandbox's."""

    web: int
    sandbox: int


def settings_for_tests(database_url: str, ports: Ports) -> Settings:
    """Sandbox mode with fixed secrets, for one test process."""
    return Settings(
        sandbox=True,
        secret_key="a secret that signs the cookies of tests",
        base_url=f"http://127.0.0.1:{ports.web}",
        stripe_secret_key="sk_test_sandbox",
        stripe_api_base=f"http://127.0.0.1:{ports.sandbox}",
        stripe_webhook_secrets=("whsec_own",),
        stripe_connect_webhook_secrets=("whsec_connect",),
        stripe_thin_webhook_secrets=("whsec_thin",),
        metrics_secrets=("whsec_metrics",),
        paypal_client_id="sandbox_paypal",
        paypal_client_secret="paypal_secret",
        paypal_webhook_id="WH-PAYPAL",
        paypal_api_base=f"http://127.0.0.1:{ports.sandbox}",
        bank_account=sepa.Account("Marketplace Tests", "DE89370400440532013000", "COBADEFFXXX"),
        bank_data_keys=("dGVzdHMgc2VhbCBiYW5rIGRldGFpbHMgd2l0aCBpdCE=",),
        database_url=database_url,
    )


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder that every account can enter, unlike pytest's `tmp_path`."""
    parent = Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent if open_to_others(parent) else "/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def copy_server(files: Path, root: Path) -> None:
    """Make `root` a server's folder from `files`: a tenth of the time of setting one up."""
    root.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{files}/.", str(root)], check=True)


def has_ended(pid: int) -> bool:
    """Is the process gone, or at most waiting for its parent to ask how it ended?"""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def as_nobody() -> tuple[str, dict[str, Any]]:
    """A Python that every account may run, and the arguments of `subprocess` that run it as nobody.

    Skips the test where we are not root, or where no such Python is found.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    nobody = pwd.getpwnam("nobody")
    packages = os.pathsep.join(path for path in sys.path if path.endswith("-packages"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        real = Path(candidate).resolve()
        if real.exists() and open_to_others(real) and open_to_others(REPOSITORY):
            environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": packages, "HOME": "/nonexistent"}
            options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            return candidate, {**options, "env": environ}
    pytest.skip("Python or this checkout is closed to other users")


def trials(reduced: int, full: int) -> int:
    """How often a proof tries: `full` times if PROOF=full, else `reduced` times."""
    return full if os.environ.get("PROOF") == "full" else reduced


def record_proof(
    id: str, *, trials: int, violations: int, control_violations: int, seed: int
) -> None:
    """Write a proof's outcome to var/proof.json, beside those of the others.

    `control_violations` is what the same trials showed with the guard removed: a proof whose
    control shows none proves nothing.
    """
    PROOFS.parent.mkdir(exist_ok=True)
    with PROOFS.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        records = json.loads(PROOFS.read_text()) if PROOFS.exists() else []
        record = {
            "id": id,
            "trials": trials,
            "violations": violations,
            "control_violations": control_violations,
            "seed": seed,
        }
        records = [other for other in records if other["id"] != id] + [record]
        records.sort(key=lambda record: str(record["id"]))
        unfinished = PROOFS.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(records, indent=1) + "\n")
        unfinished.replace(PROOFS)
