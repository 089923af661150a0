"""`GET /openapi.json` against what it describes: schemathesis tries all of it, with real keys."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.pipeline import Pipeline

pytestmark = pytest.mark.system

ADMIN = "admin-key-of-the-tests-0123456789abcdef"
ROOT = Path(__file__).parents[2]
SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
RUN_SECONDS = 600.0
HOOKS = "tests.system.openapi_hooks"
# A request that is too large is refused, too: 413 and 414 are not among schemathesis' defaults.
CONFIG = """
seed = 3
warnings = {{ fail-on = ["unused_openapi_auth", "unsupported_regex", "missing_deserializer"] }}
hooks = "{hooks}"
[generation]
deterministic = true
max-examples = 6
database = "none"
[phases.coverage]
unexpected-methods = ["patch", "put", "trace"]
[parameters]
"path.source" = "hooks"
"path.redirect" = "go"
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "414", "415", "422"]
[auth.openapi]
headraceQueryKey = {{ bearer = "{master}" }}
headraceAdminKey = {{ bearer = "{admin}" }}
tracardiToken = {{ bearer = "{admin}" }}
filumWriteKey = {{ bearer = "{master}" }}
ownWriteKey = {{ bearer = "{master}" }}
cloudeventsWriteKey = {{ bearer = "{master}" }}
eventbunkerWriteKey = {{ api_key = "{master}" }}
eventbunkerQueryKey = {{ api_key = "{master}" }}
eventbunkerDeleteKey = {{ api_key = "{master}" }}
eventbunkerMasterKey = {{ api_key = "{master}" }}
rakamMasterKey = {{ api_key = "{master}" }}
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline of its own: what is tried here makes and deletes sources by the hundred."""
    pipeline = Pipeline(tmp_path_factory.mktemp("up"), HEADRACE_ADMIN_KEY=ADMIN)
    try:
        yield pipeline.start()
        assert pipeline.stop() == 0, pipeline.output
    finally:
        pipeline.close()


def test_schemathesis_finds_no_violation(pipeline: Pipeline, tmp_path: Path) -> None:
    link = {"id": "go", "url": f"{pipeline.url}/healthz", "event_type": "visit"}
    _create(pipeline, "hooks", bridge="webhook")
    _create(pipeline, "links", bridge="redirect", redirects=[link])
    _create(pipeline, "doomed")
    _create(pipeline, "shop")
    master = _master_key(pipeline, "shop")
    credentials = {
        "OPENAPI_KEY": master,
        "OPENAPI_SOURCE": "shop",
        "OPENAPI_ADMIN": ADMIN,
        "OPENAPI_DOOMED": _master_key(pipeline, "doomed"),
    }
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(hooks=HOOKS, admin=ADMIN, master=master))
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", str(config), "run", f"{pipeline.url}/openapi.json"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            "--continue-on-failure",
        ],
        cwd=tmp_path,
        env={**os.environ, **credentials, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


def _create(pipeline: Pipeline, source_id: str, **fields: Any) -> None:
    _manage(pipeline, "/api/sources", {"id": source_id, **fields})


def _master_key(pipeline: Pipeline, source_id: str) -> str:
    made = _manage(pipeline, f"/api/sources/{source_id}/keys", {"type": "master"})
    return str(made["keys"][0]["key"])


def _manage(pipeline: Pipeline, path: str, value: Any) -> Any:
    answer = pipeline.client.post_json(path, value, authorization=f"Bearer {ADMIN}")
    assert answer.status == 201, answer.body
    return answer.json
