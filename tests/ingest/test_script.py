import gzip

import pytest

from ingest.script import PATHS, Script, packaged
from tests.ingest.call import Call
from tests.ingest.plain import world

MOST_BYTES = 6 * 1024


@pytest.mark.parametrize("path", PATHS)
async def test_pages_of_any_origin_get_it_whole_and_may_keep_it(path: str) -> None:
    app = world().app
    answer = await Call(path, method="GET").answer(app)
    assert (answer.status, answer.body) == (200, packaged())
    assert answer.header("content-type") == "text/javascript; charset=utf-8"
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("cross-origin-resource-policy") == "cross-origin"
    assert "max-age=3600" in (answer.header("cache-control") or "")
    tag = answer.header("etag") or ""
    assert tag
    for known in (tag, f'"other", {tag}', "*"):
        again = await Call(path, method="GET", headers={"if-none-match": known}).answer(app)
        assert (again.status, again.body, again.header("etag")) == (304, b"", tag)
    changed = await Call(path, method="GET", headers={"if-none-match": '"other"'}).answer(app)
    assert changed.status == 200


async def test_it_is_packed_for_those_who_can_unpack_it() -> None:
    headers = {"accept-encoding": "gzip, deflate, br"}
    answer = await Call(PATHS[0], method="GET", headers=headers).answer(world().app)
    assert answer.header("content-encoding") == "gzip"
    assert answer.header("vary") == "Accept-Encoding"
    assert gzip.decompress(answer.body) == packaged()
    assert len(answer.body) <= MOST_BYTES


def test_another_script_has_another_tag() -> None:
    (_, one, _), (_, other, _) = (Script(source).answer({}) for source in (b"1", b"2"))
    assert one["etag"] != other["etag"]
