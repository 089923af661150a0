import pytest

from ingest.calls import Closed
from schemas import commands
from schemas.errors import Malformed, Unavailable
from tests.ingest.call import Answer, Call
from tests.ingest.plain import World, world

ADMIN = {"x-key": "admin-key"}


async def ask(at: World, path: str, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await Call(path, method=method, headers=named).answer(at.app)


async def test_a_call_is_done_by_the_desk_and_worded_by_the_vendor() -> None:
    at = world()
    at.desk.result = {"id": "shop"}
    answer = await ask(at, "/sources/shop", x_key="admin-key")
    assert (answer.status, answer.json) == (200, {"result": {"id": "shop"}, "at": "show"})
    assert at.desk.done == [commands.ShowSource("shop")]
    assert at.kept.taken == []
    await ask(at, "/metrics")
    counted = {"command": "ShowSource", "outcome": "done"}
    assert at.metrics.get("headrace_ingest_calls_total", **counted) == 1


async def test_methods_of_one_path_do_different_things() -> None:
    at = world()
    await ask(at, "/plain/sources/a%20b/", method="DELETE", x_key="admin-key")
    assert at.desk.done == [commands.DeleteSource("a%20b")]
    answer = await ask(at, "/sources/shop", method="PUT", x_key="admin-key")
    assert (answer.status, answer.header("allow")) == (405, "DELETE, GET, HEAD")


@pytest.mark.parametrize(
    ("key", "code"), [("", "admin-key-missing"), ("shop-key", "admin-key-unknown")]
)
async def test_only_the_admin_key_gets_past(key: str, code: str) -> None:
    at = world()
    answer = await ask(at, "/sources/shop", x_key=key)
    assert (answer.status, answer.json["plain"]) == (401, code)
    assert at.desk.done == []


async def test_a_key_of_a_source_asks_for_its_rows() -> None:
    at = world()
    assert (await ask(at, "/rows", "POST", x_key="shop-query")).status == 200
    assert at.desk.done == [commands.Select("shop", None)]
    answer = await ask(at, "/rows", "POST", x_key="shop-key")
    assert (answer.status, answer.json["plain"]) == (401, "key-wrong-type")


async def test_what_anybody_may_ask_needs_nothing() -> None:
    at = world()
    answer = await ask(at, "/alive")
    assert (answer.status, answer.json["result"]) == (200, None)
    assert at.desk.done == [commands.Nothing()]


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Malformed("source-unknown", "none such", status=404), 404, None),
        (Unavailable("clickhouse-unavailable", "ClickHouse is away"), 503, "1"),
    ],
)
async def test_what_the_desk_cannot_do_is_the_vendors_refusal(
    error: Malformed | Unavailable, status: int, retry: str | None
) -> None:
    at = world()
    at.desk.error = error
    answer = await ask(at, "/sources/shop", x_key="admin-key")
    assert (answer.status, answer.json["plain"]) == (status, error.code)
    assert answer.header("retry-after") == retry
    await ask(at, "/metrics")
    counted = {"command": "ShowSource", "outcome": error.code}
    assert at.metrics.get("headrace_ingest_calls_total", **counted) == 1


async def test_head_is_get_without_the_body() -> None:
    at = world()
    got, head = await ask(at, "/alive"), await ask(at, "/alive", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") == str(len(got.body))


async def test_an_empty_process_time_is_filled_in() -> None:
    took = (await ask(world(), "/alive")).header("x-process-time")
    assert took is not None
    assert 0 <= float(took) < 60


async def test_an_edge_without_a_desk_still_answers_what_needs_none() -> None:
    desk = Closed()
    await desk.do(commands.Nothing())
    with pytest.raises(Unavailable, match="events only"):
        await desk.do(commands.ListSources())
    assert not desk.is_admin("")
