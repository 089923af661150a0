"""Resolve the jars named in pom.xml with Maven, once per version of that file."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
_RESOLVE_SECONDS = 600
_PLUGIN_GOAL = "dependency:copy-dependencies"


class Unresolved(RuntimeError):
    """Maven could not deliver the jars; the text holds what it said."""


def version() -> str:
    """Return the pinned version of Apache Kafka."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text())
    if found is None:
        raise Unresolved(f"{POM} names no kafka.version: put the property back")
    return found.group(1)


def missing_tools() -> list[str]:
    """Return which of the two programs needed, `java` and `mvn`, are not on PATH."""
    return [tool for tool in ("java", "mvn") if shutil.which(tool) is None]


def resolve() -> Path:
    """Return the folder with all jars, asking Maven the first time.

    The folder's name carries the digest of pom.xml, so a changed pin resolves anew.

    Raises:
        Unresolved: Maven failed.

    """
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = _cache() / f"apache-kafka-{version()}-{digest}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _fetch(folder)
    return folder


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "headrace"


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        jars = Path(scratch) / "jars"
        _maven(jars)
        try:
            jars.rename(folder)
        except OSError:
            # another test session finished first, with the same jars
            if not folder.is_dir():
                raise


def _maven(jars: Path) -> None:
    run = subprocess.run(
        ["mvn", "-B", "-q", "-f", str(POM), _PLUGIN_GOAL, f"-DoutputDirectory={jars}"],  # noqa: S607 - whichever Maven the developer has
        capture_output=True,
        text=True,
        timeout=_RESOLVE_SECONDS,
        check=False,
    )
    if run.returncode != 0 or not any(jars.glob("kafka-clients-*.jar")):
        said = "\n".join((run.stdout + run.stderr).splitlines()[-20:])
        raise Unresolved(
            f"mvn could not resolve {POM}; try `mvn -f {POM} {_PLUGIN_GOAL}` by hand:\n{said}"
        )
