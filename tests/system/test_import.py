"""`headrace import`: every container, each row once whatever happens, and live events beside it."""

import gzip
import io
import json
import os
import signal
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import le
from pathlib import Path
from typing import Any

import cramjam
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.system.eventually import eventually
from tests.system.pipeline import HEADRACE, Pipeline, environment

pytestmark = pytest.mark.system

STORED_SECONDS = 60.0
TIME = "2019-03-01T10:00:00Z"
ROWS: list[dict[str, Any]] = [
    {"ts": TIME, "user_id": f"u{number}", "price": number + 0.5} for number in range(20)
]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
TABLE = "ts,user_id,price\n" + "".join(f"{r['ts']},{r['user_id']},{r['price']}\n" for r in ROWS)


def avro() -> bytes:
    fields = [{"name": "ts", "type": "string"}, {"name": "user_id", "type": "string"}]
    schema = {
        "type": "record",
        "name": "r",
        "fields": [*fields, {"name": "price", "type": "double"}],
    }
    out = io.BytesIO()
    fastavro.writer(out, schema, ROWS, codec="deflate", sync_interval=100)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/in_zip.ndjson.gz", gzip.compress(LINES))
    return out.getvalue()


FILES = {
    "as_csv.csv": TABLE.encode(),
    "as_tsv.tsv.gz": gzip.compress(TABLE.replace(",", "\t").encode()),
    "as_json.json": json.dumps(ROWS, indent=1).encode(),
    "as_lines.ndjson": LINES,
    "as_avro.avro": avro(),
    "as_parquet.parquet": parquet(),
    "as_zstd.jsonl.zst": bytes(cramjam.zstd.compress(LINES)),
    "as_zip.zip": zipped(),
}


class Shelf(BaseHTTPRequestHandler):
    """A web server, and a bucket for those who sign."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        signed = self.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=AK/")
        if path.startswith("/bucket/") and not signed:
            self.send_error(403)
            return
        body = gzip.compress(LINES)
        if "list-type=2" in query:
            body = (
                b"<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Contents>"
                b"<Key>d/in_bucket.ndjson.gz</Key><Size>9</Size></Contents></ListBucketResult>"
            )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Keep quiet."""


@pytest.fixture
def shelf() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def counted(pipeline: Pipeline, source: str) -> dict[str, int]:
    found = pipeline.sql(
        "SELECT event_type, count() AS n FROM headrace.events FINAL WHERE source_id = {s:String} "
        "GROUP BY event_type",
        s=source,
    )
    return {row["event_type"]: row["n"] for row in found}


def stored(pipeline: Pipeline, source: str, expected: dict[str, int]) -> None:
    eventually(
        partial(counted, pipeline, source),
        within=STORED_SECONDS,
        until=lambda seen: sum(seen.values()) >= sum(expected.values()),
        what=f"the rows of {source} are stored",
    )
    assert counted(pipeline, source) == expected


def test_every_container_from_everywhere(
    pipeline: Pipeline, tmp_path: Path, shelf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.create_source("imp-all", "--bridge", "import", "--write-key", "IA")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "as_lines.ndjson").write_bytes(LINES + b'{"broken\n{"ts": "never"}\n')
    monkeypatch.setenv("AWS_ENDPOINT_URL", shelf)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    places = (str(tmp_path), f"{shelf}/at_url.ndjson.gz?x=1", "s3://bucket/d/")
    done = pipeline.headrace("import", *places, "--source", "imp-all")
    assert done.returncode == 1, done.stderr
    assert "imported 200 rows, 200 in all" in done.stdout
    assert "2 rows were set aside" in done.stderr
    assert "as_lines.ndjson:21: json-invalid" in done.stderr
    assert "as_lines.ndjson:22: time-invalid" in done.stderr
    names = [name.partition(".")[0] for name in FILES if name != "as_zip.zip"]
    names += ["in_zip", "at_url", "in_bucket"]
    stored(pipeline, "imp-all", dict.fromkeys(names, len(ROWS)))
    sums = pipeline.sql(
        "SELECT DISTINCT toString(event_time) AS t, sum(properties.price::Float64) AS price, "
        "uniq(user_id) AS users FROM headrace.events FINAL WHERE source_id = 'imp-all' "
        "GROUP BY event_type, event_time"
    )
    assert sums == [{"t": "2019-03-01 10:00:00.000", "price": 200, "users": 20}]
    refused = pipeline.client.post_json("/post", {"event_name": "e"}, x_eventbunker_write_key="IA")
    assert refused.status == 401, "only imports fill a source whose bridge that is"


def started(pipeline: Pipeline, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    settings = {"HEADRACE_DATA": str(pipeline.data), **pipeline.settings}
    return subprocess.Popen([HEADRACE, "import", *arguments], env=environment(settings), **options)


def sent(state: Path) -> int:
    return int(json.loads(state.read_bytes())["sent"]) if state.exists() else 0


def test_killed_in_the_middle_it_goes_on_and_every_row_is_there_once(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    rows = 6_000
    pipeline.create_source("imp-killed")
    file, state = tmp_path / "killed.ndjson.gz", tmp_path / "state.json"
    lines = (f'{{"user_id": "u{n % 700}", "n": {n}}}\n' for n in range(rows))
    file.write_bytes(gzip.compress("".join(lines).encode(), 1))
    arguments = (str(file), "--source", "imp-killed", "--state", str(state))
    for enough in (1_000, 3_000):
        running = started(pipeline, *arguments, "--rate", "1500", stderr=subprocess.DEVNULL)
        try:
            eventually(
                partial(sent, state),
                within=60,
                until=partial(le, enough),
                what="some rows are sent",
            )
        finally:
            running.kill()
            running.wait()
        assert sent(state) < rows
    before = sent(state)
    done = pipeline.headrace("import", *arguments)
    assert done.returncode == 0, done.stderr
    assert f"imported {rows - before:,} rows, {rows:,} in all" in done.stdout
    stored(pipeline, "imp-killed", {"killed": rows})
    (seen,) = pipeline.sql(
        "SELECT uniqExact(properties.n::Int64) AS n, uniqExact(event_id) AS ids, "
        "uniqExact(event_time) AS times FROM headrace.events WHERE source_id = 'imp-killed'"
    )
    assert seen == {"n": rows, "ids": rows, "times": 1}


def test_live_events_pass_while_an_import_is_under_way(pipeline: Pipeline) -> None:
    pipeline.create_source("imp-live", "--write-key", "imp-live-key")
    running = started(
        pipeline,
        *("-", "--source", "imp-live", "--collection", "old", "--as", "ndjson"),
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert running.stdin is not None
    try:
        # more than one buffer, so that something is sent while the pipe stays open
        running.stdin.write(b'{"user_id": "u1", "n": 1}\n' * 5_000)
        running.stdin.flush()
        eventually(
            lambda: (
                pipeline.client.post_json(
                    "/post", {"event_name": "live"}, x_eventbunker_write_key="imp-live-key"
                ).status
            ),
            within=30,
            until=lambda status: status == 200,
            what="a live event is accepted",
        )
        eventually(
            lambda: counted(pipeline, "imp-live"),
            within=STORED_SECONDS,
            until=lambda seen: seen.get("live", 0) and seen.get("old", 0),
            what="live and imported events are stored",
        )
        assert running.poll() is None
        running.stdin.close()
        assert running.wait(timeout=60) == 0
    finally:
        running.kill()
        running.communicate()
    stored(pipeline, "imp-live", {"live": 1, "old": 5_000})


def test_it_stays_no_further_ahead_than_the_processors_can_bear(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline.create_source("imp-ahead")
    file, state = tmp_path / "ahead.ndjson", tmp_path / "state.json"
    file.write_bytes(b'{"user_id": "u1", "n": 1}\n' * 4_000)
    (process,) = [pid for name, pid in pipeline.tiers().items() if name.startswith("process")]
    os.kill(process, signal.SIGSTOP)
    arguments = (str(file), "--source", "imp-ahead", "--state", str(state), "--ahead", "2000")
    running = started(pipeline, *arguments, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: sent(state) >= 2000, within=60, what="it has sent what it may")
        assert sent(state) <= 2500
        assert running.poll() is None
    finally:
        os.kill(process, signal.SIGCONT)
        code = running.wait(timeout=60)
    assert code == 0
    stored(pipeline, "imp-ahead", {"ahead": 4_000})
