"""Trackers from npm, in exact versions whose digests are known here."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "npm"
_SECONDS = 60.0


class Unobtainable(Exception):
    """The package is not in the cache, and npm is missing or cannot fetch it."""


def packed(name: str, version: str, integrity: str, member: str) -> bytes:
    """Read a file of a package; fetched once, and checked each time.

    Raises:
        Unobtainable: there is no npm here, or no registry.
        AssertionError: the package is not the one whose `integrity` is known.

    """
    archive = CACHE / f"{name}-{version}.tgz"
    if not archive.exists():
        _fetch(name, version)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == integrity, f"{archive} is not {name} {version}: delete it"
    with tarfile.open(archive) as files:
        found = files.extractfile(f"package/{member}")
        assert found is not None, member
        return found.read()


def _fetch(name: str, version: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unobtainable(f"{name} {version} comes from npm: install npm")
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [npm, "pack", "--silent", "--pack-destination", str(CACHE), f"{name}@{version}"],
        cwd=CACHE,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Unobtainable(f"npm cannot fetch {name} {version}: {done.stderr[-500:]}")
