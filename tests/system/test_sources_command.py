"""`headrace sources`: what it prints, keeps and refuses."""

import csv
import io
import json
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.system.eventually import eventually
from tests.system.pipeline import HEADRACE, Pipeline, environment

pytestmark = pytest.mark.system


def show(pipeline: Pipeline, source_id: str) -> dict[str, object]:
    shown = pipeline.headrace("sources", "show", source_id)
    assert shown.returncode == 0, shown.stderr
    source: dict[str, object] = json.loads(shown.stdout)
    return source


def test_a_key_is_shown_once_and_never_its_hash(pipeline: Pipeline) -> None:
    created = pipeline.create_source("shown", "--name", "Shown", "--channel", "Web")
    (key,) = created["keys"]
    assert key["type"] == "write"
    assert key["key"].startswith("hrw_")
    assert "hash" not in key
    snippet = str(created["snippet"])
    assert snippet.count(key["key"]) == 1
    later = snippet.replace(key.pop("key"), "WRITE-KEY")
    assert show(pipeline, "shown") == {**created, "snippet": later}


def test_update_changes_only_what_is_named(pipeline: Pipeline) -> None:
    before = pipeline.create_source("updated", "--name", "Before", "--channel", "Web")
    options = (
        "--name",
        "After",
        "--session-timeout",
        "60",
        "--origin",
        "https://a",
        "--origin",
        "b",
    )
    updated = pipeline.headrace("sources", "update", "updated", *options)
    assert updated.returncode == 0, updated.stderr
    after = show(pipeline, "updated")
    shown_once = {"keys", "snippet"}
    changed = {name for name in after.keys() - shown_once if after[name] != before[name]}
    assert changed == {"name", "session_timeout", "origins", "updated_at"}
    assert (after["session_timeout"], after["origins"]) == (60, ["https://a", "b"])


def test_list_has_a_line_for_each_source(pipeline: Pipeline) -> None:
    pipeline.create_source("listed", "--bridge", "webhook", "--name", "Listed")
    listed = pipeline.headrace("sources", "list")
    assert "listed\tenabled\tany\twebhook\tListed" in listed.stdout.splitlines()
    assert any(line.startswith("demo\tenabled\t") for line in listed.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("create", "demo"), "there is a source 'demo' already"),
        (("create", "Not A Slug"), "id must be 1 to 63 of a-z"),
        (("show", "nobody"), "no source 'nobody'; there are: "),
        (("update", "demo"), "name at least one field to change"),
        (("update", "demo", "--session-timeout", "0"), "session_timeout must be"),
        (("rotate-key", "nobody"), "no source 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_a_sentence(
    pipeline: Pipeline, arguments: tuple[str, ...], complaint: str
) -> None:
    done = pipeline.headrace("sources", *arguments)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_two_sources_cannot_share_a_key(pipeline: Pipeline) -> None:
    pipeline.create_source("first-owner", "--write-key", "one-key-for-two")
    second = pipeline.headrace("sources", "create", "second", "--write-key", "one-key-for-two")
    assert second.returncode == 1
    assert "another source has this key already" in second.stderr


CAMPAIGN = """
    SELECT utm_campaign AS campaign,
           uniqIf(user_id, event_type = 'email_opened') AS opened,
           uniqIf(user_id, event_type = 'link_clicked') AS clicked
    FROM headrace.events
    WHERE source_id = {source:String} AND NOT is_bot AND context.mail_proxy::String != 'apple'
    GROUP BY campaign
"""


def test_links_of_a_mailing_are_made_followed_and_counted(pipeline: Pipeline) -> None:
    pipeline.create_source("mailing")
    target = "https://shop.example/sale"
    said = ("--source", "mailing", "--to", target, "--campaign", "summer")
    mailing = subprocess.run(
        [HEADRACE, "links", "make", *said, "--csv", "--data", str(pipeline.data)],
        input="\ufeffrecipient, name\nann,Ann\nbob,Bob\n",
        env=environment(pipeline.settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert mailing.returncode == 0, mailing.stderr
    ann, bob = csv.DictReader(io.StringIO(mailing.stdout))
    assert (ann["recipient"], ann["name"], bob["recipient"]) == ("ann", "Ann", "bob")
    assert ann["link"].startswith(f"{pipeline.url}/l/mailing/")
    paths = [urlsplit(each).path for each in (ann["pixel"], bob["pixel"], bob["link"])]
    assert [pipeline.client.send("GET", path, (), b"").status for path in paths] == [200, 200, 302]
    counted = eventually(
        lambda: pipeline.sql(CAMPAIGN, source="mailing"),
        until=lambda rows: rows and rows[0]["opened"] == 2 and rows[0]["clicked"] == 1,
        within=60,
        what="two openings and a click are stored",
    )
    assert counted[0]["campaign"] == "summer"


def test_a_link_that_leads_to_no_address_is_refused(pipeline: Pipeline) -> None:
    done = pipeline.headrace("links", "make", "--source", "demo", "--to", "javascript:x")
    assert done.returncode == 1
    assert "must begin with http:// or https:// and name a host (link-invalid)" in done.stderr
