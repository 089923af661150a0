"""A shop whose pages have the snippet that `headrace sources create` prints, pasted in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.browser.known import let_in
from tests.browser.site import Site
from tests.system.admin import Admin
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import rows_of

_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Shop: {name}</title>
<link rel="icon" href="data:,">
{snippet}
<h1>{name}</h1>
<p><a id="inside" href="next.html">next</a>
<a id="outside" href="http://localhost:9/elsewhere" onclick="event.preventDefault()">elsewhere</a>
<a id="file" href="prices.pdf" onclick="event.preventDefault()">prices</a>
<button id="buy" data-hr-event="basket_filled" data-hr-prop-sku="socks-1">Buy</button>
<span data-hr-mask><button id="card">4111 1111 1111 1111</button></span>
<span data-hr-ignore><button id="secret">secret</button></span>
<form id="join" action="/join?token=1" onsubmit="event.preventDefault()">
<input name="email" value="ann@example.com"><input id="send" type="submit" value="Send"></form>
<div style="height: 3000px"></div>
"""


_PAGE_NAMES = ("index", "next")


@dataclass(frozen=True)
class Source:
    """A source that takes what pages send."""

    pipeline: Pipeline
    id: str
    key: str
    snippet: str

    def pasted(self, **options: str) -> str:
        """The snippet with more attributes; these browsers are automated ones."""
        attributes = "".join(
            f" data-{name.replace('_', '-')}='{value}'"
            for name, value in {"bots": "", **options}.items()
        )
        return self.snippet.replace("></script>", f"{attributes}></script>")

    def rows(self, count: int) -> list[Row]:
        """Wait for so many rows beside one that is sent after the page was done."""
        last = {"id": "last", "name": "at last", "anonymous_id": "nobody"}
        batch = {"write_key": self.key, "events": [last]}
        assert self.pipeline.client.post_json("/v1/events", batch).status == 200
        rows = rows_of(self.pipeline, self.id, count + 1)
        return [row for row in rows if row["event_type"] != "at last"]


def sources(pipeline: Pipeline, *ids: str) -> dict[str, Source]:
    """Make sources, the first on the command line; return when the ingest knows them."""
    admin = Admin(pipeline, pipeline.settings["HEADRACE_ADMIN_KEY"])
    created = [pipeline.create_source(ids[0])]
    created += [admin("POST", "", {"id": source_id}).json for source_id in ids[1:]]
    made = [
        Source(pipeline, each["id"], each["keys"][0]["key"], each["snippet"]) for each in created
    ]
    # the registry is read in order, so whoever knows the last source knows them all
    let_in(pipeline, "/v1/events", {"write_key": made[-1].key, "events": []})
    return {source.id: source for source in made}


@contextmanager
def shop(snippet: str) -> Iterator[str]:
    """Serve the pages with a snippet in them; gives their origin."""
    with Site(
        {f"/{name}.html": _PAGE.format(name=name, snippet=snippet).encode() for name in _PAGE_NAMES}
    ) as site:
        yield site.origin
