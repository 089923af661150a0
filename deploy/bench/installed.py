"""What an installation weighs, by distribution."""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_SECONDS: Final = 120
_NO_SOURCE: Final = (".*", "tests", "node_modules", "build", "*.egg-info", "__pycache__")


def sizes(name: str) -> Counter[str]:
    """Bytes on disk of a distribution and of all that it depends on, without extras."""
    found: Counter[str] = Counter()
    wanted = [name]
    while wanted:
        one = wanted.pop()
        if one in found:
            continue
        try:
            there = distribution(one)
        except PackageNotFoundError:  # for another system or another Python
            continue
        found[one] = sum(_size(Path(str(there.locate_file(file)))) for file in there.files or ())
        for requirement in there.requires or ():
            text, _, marker = requirement.partition(";")
            asked = _NAME.match(text)
            if asked and "extra" not in marker:
                wanted.append(_normal(asked[0]))
    return found


def wheel_bytes(folder: Path) -> int:
    """Build the wheel into a folder; 0 where there is no source tree to build it from."""
    tree = Path(__file__).parents[2]
    if not (tree / "pyproject.toml").exists():
        return 0
    # a copy: a build leaves its own files behind
    source = folder / "source"
    shutil.copytree(tree, source, ignore=shutil.ignore_patterns(*_NO_SOURCE))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
               "--no-build-isolation", "--wheel-dir", str(folder), str(source)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    return sum(file.stat().st_size for file in folder.glob("*.whl"))


def interpreter_bytes() -> int:
    """Bytes of the standard library that the interpreter brings."""
    library = Path(sysconfig.get_path("stdlib"))
    return sum(
        _size(file)
        for file in library.rglob("*")
        if "site-packages" not in file.parts and "test" not in file.parts
    )


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
