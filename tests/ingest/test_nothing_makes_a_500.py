"""Whatever is sent to whichever route: the protocol's success or refusal, and readable lines."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.app import Ingest, build_app
from schemas import commands, envelope
from schemas import task_commands as tasks
from schemas import webhook_commands as hooks
from schemas.catalog import Collection
from schemas.errors import Malformed
from schemas.events import Event
from schemas.ids import Ids
from schemas.metrics import Metrics
from schemas.people import EraseProfile, Erasure, FindProfiles, ListErasures
from schemas.signed import MadeLink, MakeLinks
from schemas.sources import Key, Redirect, Source, from_record, hash_key
from schemas.task_runs import Runs
from schemas.tasks import Task
from schemas.topics import Topics
from schemas.validations import Validation
from schemas.vendor import Route, Vendor
from schemas.webhooks import Webhook
from schemas.wire import vendor as find_vendor
from tests.cases.case import all_sources
from tests.cases.ways import KEY_TYPES
from tests.ingest.anything import (
    ADMIN,
    EVERY,
    Sent,
    anything,
    credentials,
    near_valid,
    source_names,
)
from tests.ingest.call import Answer
from tests.ingest.plain import NOW, PARTITIONS, Feed, Kept

ERROR_FIELD = {
    "tracardi": "detail",
    "rakam": "error",
    "filum": "message",
    "eventbunker": "error",
    "own": "error",
    "cloudevents": "error",
    "links": "error",
    "import": "error",
    "headrace": "error",
    "queries": "error",
    "task": "error",
    "webhooks": "error",
}
TRY_AGAIN = {503, 507}
SOURCE = Source("made", keys=(Key("k1", "write", hash_key("k")),))
SCRIPT = "function transform() { return []; }"
TASK = tasks.Kept(Task("orders", "made", SCRIPT, every=60), Runs())
HOOK = Webhook("hook", "made").with_script(SCRIPT, NOW)
SALE = Collection("made", "sale", {"price": "double"})
MONEY = Validation("sale", "money", {})
ISSUED = commands.Issued(SOURCE, {"k1": "k"})
RESULTS: dict[type, Any] = {
    commands.CreateSource: ISSUED,
    commands.AddKey: ISSUED,
    commands.RotateKey: ISSUED,
    commands.SaveSource: SOURCE,
    commands.ShowSource: SOURCE,
    commands.ChangeSource: SOURCE,
    commands.RevokeKey: SOURCE,
    commands.ListSources: (SOURCE,),
    commands.ShowSchema: (SALE,),
    commands.DeclareSchema: SALE,
    commands.ShowValidations: (MONEY,),
    commands.Validate: MONEY,
    commands.StopValidating: None,
    MakeLinks: (MadeLink("ann", "/l/made/t", "/o/made/t.gif"),),
    commands.Erase: 3,
    FindProfiles: (),
    EraseProfile: Erasure("00000000-0000-7000-8000-000000000000", NOW),
    ListErasures: (),
    commands.DeleteSource: None,
    commands.Nothing: None,
    commands.ListQueries: (),
    commands.RunQuery: [],
    commands.SelectProfiles: [],
    **dict.fromkeys((tasks.CreateTask, tasks.ShowTask, tasks.ChangeTask, tasks.RunTask), TASK),
    tasks.ForgetState: TASK,
    tasks.StopRun: TASK,
    tasks.DeleteTask: None,
    tasks.ListTasks: (TASK,),
    tasks.ListTemplates: (tasks.Template("t", "", (tasks.Parameter("url", ""),), SCRIPT),),
    **dict.fromkeys((hooks.CreateWebhook, hooks.ShowWebhook, hooks.ChangeWebhook), HOOK),
    hooks.ActivateWebhook: HOOK,
    hooks.DeleteWebhook: None,
    hooks.ListWebhooks: (HOOK,),
    hooks.TestWebhook: hooks.Trial(1, ({"event": "sale"},)),
    hooks.ListWebhookTemplates: (hooks.WebhookTemplate("w", "", SCRIPT),),
}
ROW = {
    "event_id": "00000000-0000-7000-8000-000000000000",
    "event_type": "sale",
    "event_time": NOW,
    "received_at": NOW,
    "group_id": "",
    "properties": {"price": 1},
}
LINK = Redirect("go", "https://shop.example/", "visit", props={"a": "payload@params.a"})
BOMB = gzip.compress(b"[" * (64 << 20), 1)

each_route = pytest.mark.parametrize(
    ("vendor", "route", "method"),
    EVERY,
    ids=[f"{vendor.NAME} {method} {route.path}" for vendor, route, method in EVERY],
)


class Clerk:
    """A desk that does everything at once and changes nothing."""

    async def do(self, command: commands.Command) -> Any:
        if isinstance(command, commands.Select):
            return [ROW | {command.query.step_label: NOW}]
        return RESULTS[type(command)]

    def is_admin(self, credential: str) -> bool:
        return credential == ADMIN


def feed() -> Feed:
    """The sources of all case files, and three that anybody's requests may find."""
    found = Feed()
    bridges = {"shop": {}, "hooks": {"bridge": "webhook"}, "links": {"bridge": "redirect"}}
    kinds: dict[str, Any] = {kind.id: kind.fields for kind in all_sources().values()}
    for source_id, fields in (kinds | bridges).items():
        names = source_names(source_id)
        keys = [
            {"id": name.lower(), "type": type_, "hash": hash_key(names[name])}
            for name, type_ in KEY_TYPES.items()
        ]
        found.registry.put(from_record({**fields, "id": source_id, "keys": keys}))
    found.registry.put(Source("links", bridge="redirect", redirects=(LINK,)))
    return found


class Edge:
    """One edge for many requests."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.drawn = 0
        self.app: Ingest = build_app(
            vendors=tuple({id(vendor): vendor for vendor, _, _ in EVERY}.values()),
            publisher=self.kept,
            feed=feed(),
            desk=Clerk(),
            topics=Topics("t", PARTITIONS),
            ids=Ids(b"secret"),
            clock=lambda: NOW,
            new_id=self._draw,
            metrics=Metrics(),
        )
        self._runner = asyncio.Runner()

    def _draw(self) -> str:
        self.drawn += 1
        return str(uuid4())

    def answer(self, sent: Sent) -> Answer:
        """Send a request and hold its answer and its lines against the law."""
        self.kept.taken.clear()
        answer = self._runner.run(sent.call().answer(self.app))
        assert answer.status < 500 or answer.status in TRY_AGAIN, (sent, answer)
        if sent.method == "HEAD":
            assert answer.body == b""
        else:
            check_answer(answer)
        events = [check_line(line) for _, _, line in self.kept.taken]
        # Rakam's 409 names those elements that are worth sending again; the others are stored.
        assert answer.status < 400 or answer.status == 409 or not events
        return answer

    def close(self) -> None:
        self._runner.close()


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    made = Edge()
    yield made
    made.close()


def check_answer(answer: Answer) -> None:
    kind = answer.header("content-type") or ""
    if kind.startswith("application/json"):
        said = json.loads(answer.body, parse_constant=pytest.fail)
        if answer.status >= 400:
            assert any(name in said for name in ERROR_FIELD.values())
    else:
        assert answer.status < 400
    assert answer.header("content-length") == str(len(answer.body))


def check_line(line: bytes) -> Event | Malformed:
    """What was answered with success becomes a row or a dead letter, nothing else."""
    try:
        raw = envelope.read(line)
        found = find_vendor(raw.protocol)
        assert found is not None
        return found.decode(raw)
    except Malformed as error:
        return error


def check_own_words(vendor: Vendor, answer: Answer) -> None:
    if answer.status >= 400 and answer.body:
        assert ERROR_FIELD[vendor.NAME] in answer.json


@each_route
@given(data=st.data())
@settings(max_examples=40)
def test_anything(
    edge: Edge, vendor: Vendor, route: Route, method: str, data: st.DataObject
) -> None:
    sent = data.draw(anything(vendor, route, method))
    answer = edge.answer(sent)
    check_own_words(vendor, answer)


@given(sent=near_valid())
@settings(max_examples=1500)
def test_what_is_nearly_right(edge: Edge, sent: Sent) -> None:
    edge.answer(sent)


BODIES = {
    "brackets": b"[" * 10_000_000,
    "braces": b'{"a":' * 2_000_000,
    "a long array": b"[" + b"1," * 2_000_000 + b"1]",
    "one long name": b'{"' + b"x" * 9_999_990 + b'":1}',
    "many names": b"{" + b",".join(b'"%d":1' % n for n in range(400_000)) + b"}",
    "backslashes": b'["' + b"\\" * 10_000_000,
    "half pairs": b'["' + rb"\ud83d" * 1_500_000 + b'"]',
    "blanks": b" " * 10_000_000,
    "lines": b"\n" * 10_000_000,
    "ampersands": b"a=1&" * 2_500_000,
    "commas": b"," * 10_000_000,
    "a bomb": BOMB,
    "a bomb in a bomb": gzip.compress(BOMB, 1),
}
WITH_BODIES = [each for each in EVERY if each[2] in {"POST", "PUT", "PATCH"}]


@pytest.mark.parametrize("name", BODIES)
def test_ten_megabytes(edge: Edge, name: str) -> None:
    for vendor, route, method in WITH_BODIES:
        answer = edge.answer(Sent(method, known(route), every_key(vendor), BODIES[name]))
        check_own_words(vendor, answer)
        assert sum(len(line) for _, _, line in edge.kept.taken) < 33 << 20


def known(route: Route) -> str:
    """A path whose parameters name what is there."""
    path = route.path
    for parameter, value in {"source": "hooks", "redirect": "go", "type": "t"}.items():
        path = path.replace(f"{{{parameter}}}", value)
    return path.replace("{", "").replace("}", "")


def every_key(vendor: Vendor) -> dict[str, str]:
    return credentials(ADMIN if vendor.NAME == "headrace" else "shop-master")


CROWDS: list[tuple[str, bytes, bytes, bytes]] = [
    ("/track", b'{"source":{"id":"tracardi-rest"},"events":[', b'{"type":"e"}', b"]}"),
    ("/events", b'[{"event_type":"identify","user_id":"u"},', b"1", b"]"),
    ("/event/bulk", b'{"api":{"api_key":"shop-master"},"events":[', b"{}", b"]}"),
    ("/event/batch", b'{"api":{"api_key":"shop-write"},"events":[', b"1", b"]}"),
    ("/user/batch_operations", b'{"api":{"api_key":"shop-master"},"data":[', b"{}", b"]}"),
    ("/user/batch/create", b'{"api":{"api_key":"shop-master"},"users":[', b"{}", b"]}"),
]


@pytest.mark.parametrize("crowd", CROWDS, ids=[crowd[0] for crowd in CROWDS])
def test_a_crowd_of_events_is_counted_before_it_is_looked_at(
    edge: Edge, crowd: tuple[str, bytes, bytes, bytes]
) -> None:
    path, before, event, after = crowd
    size = 499_000 if path == "/event/batch" else 5_000_000
    body = before + b",".join([event] * (size // (len(event) + 1))) + after
    drawn = edge.drawn
    answer = edge.answer(Sent("POST", path, every_key(EVERY[0][0]), body))
    assert answer.status == 413
    assert edge.drawn - drawn < 10
