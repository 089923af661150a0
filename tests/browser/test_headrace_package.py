"""headrace.js as it is built and as npm has it: what is here is what its source gives."""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

from ingest.script import packaged
from tests.browser.conftest import missing
from tests.browser.npm import CACHE

ROOT = Path(__file__).parents[2]
TRACKER = ROOT / "ingest" / "tracker"
BUILT = ("headrace.js", "headrace.mjs")
MOST_BYTES = 6 * 1024
SECONDS = 240.0
CONSUMER = """\
import { create, type Options, type Tracker } from "headrace-js";
const options: Options = { key: "k", api: "https://in.example", consent: "pending" };
const tracker: Tracker = create(options);
tracker.identify("ann", { plan: "gold" }, { increment: { logins: 1 } });
// @ts-expect-error a name is a text
tracker.track(5);
// @ts-expect-error there is no such option
create({ key: "k", cookies: true });
"""
ON_A_SERVER = """\
import { create } from "headrace-js";
const tracker = create({ key: "k", api: "https://in.example" });
tracker.track("nowhere");
console.log(JSON.stringify([tracker.anonymousId(), typeof tracker.consent]));
"""


def run(where: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, (command, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout


@pytest.fixture(scope="module")
def npm() -> str:
    found = shutil.which("npm")
    if found is None or shutil.which("node") is None:
        missing("no Node here: the tracker cannot be built")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def workshop(npm: str) -> Path:
    """The tracker's source, in a folder with the tools that its lock file names."""
    lock = (TRACKER / "package-lock.json").read_bytes()
    folder = CACHE / f"tracker-{hashlib.sha256(lock).hexdigest()[:16]}"
    tools = folder / "node_modules"
    if not (tools / ".package-lock.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(TRACKER / name, folder)
        run(folder, npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund")
    for old in folder.iterdir():
        if old != tools:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    ignored = shutil.ignore_patterns("node_modules", "*.tgz")
    shutil.copytree(TRACKER, folder, dirs_exist_ok=True, ignore=ignored)
    return folder


def test_what_is_built_here_is_what_the_source_gives(workshop: Path, npm: str) -> None:
    run(workshop, npm, "run", "--silent", "check")
    for name in BUILT:
        (workshop / name).unlink()
    run(workshop, npm, "run", "--silent", "build")
    for name in BUILT:
        same = (workshop / name).read_bytes() == (TRACKER / name).read_bytes()
        assert same, f"ingest/tracker/{name} is not of this source: make tracker"


def test_it_is_small_and_of_this_version() -> None:
    for name in BUILT:
        assert len(gzip.compress((TRACKER / name).read_bytes(), 9)) <= MOST_BYTES
    package = json.loads((TRACKER / "package.json").read_text())
    assert package["version"] == version("headrace")
    assert "dependencies" not in package
    assert (TRACKER / "headrace.js").read_bytes() == packaged()


def test_it_is_a_package_with_types(workshop: Path, npm: str, tmp_path: Path) -> None:
    packed = run(workshop, npm, "pack", "--silent", "--pack-destination", str(tmp_path)).strip()
    with tarfile.open(tmp_path / packed) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    assert names == {"package.json", "README.md", "index.d.ts", *BUILT}
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (tmp_path / "package").rename(modules / "headrace-js")
    (tmp_path / "consumer.ts").write_text(CONSUMER)
    (tmp_path / "server.mjs").write_text(ON_A_SERVER)
    strict = ("--strict", "--noEmit", "--module", "nodenext", "--target", "es2022")
    run(tmp_path, "node", str(workshop / "node_modules/typescript/bin/tsc"), *strict, "consumer.ts")
    assert json.loads(run(tmp_path, "node", "server.mjs")) == ["", "function"]


def test_a_wheel_has_the_script_and_nothing_else_of_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    rooms = ("schemas", "ingest", "processors", "sinks", "deploy")
    ignored = shutil.ignore_patterns("node_modules", "__pycache__", "*.egg-info")
    for room in rooms:
        shutil.copytree(ROOT / room, source / room, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    run(source, sys.executable, "-c", build, str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        tracker = [name for name in archive.namelist() if name.startswith("ingest/tracker")]
        assert tracker == ["ingest/tracker/headrace.js"]
        assert archive.read(tracker[0]) == packaged()
