"""Profiles in the table: a fold of the set of changes and merges, whoever folds and when."""

import random
from dataclasses import replace
from typing import Any

from schemas.commands import Profile, SelectProfiles
from schemas.merges import Edge
from schemas.metrics import Metrics
from schemas.profiles import Change
from sinks.archive import Archive
from sinks.clickhouse import ClickHouse
from sinks.folding import Folding
from sinks.profiles import Profiles
from tests.sinks import people
from tests.sinks.people import AT, Known, change, keep, shown

ANNA = [
    change(1, "visitor", ids={"anonymous": ("v",)}, set={"plan": "free", "seen": 1}),
    change(2, "anna", ids={"user": ("anna",), "email": ("a@x.org",)}, set={"plan": "pro"}),
    change(3, "visitor", increment={"visits": 2}, groups={"company": "acme"}),
]


def folding(clickhouse: ClickHouse, feed: Known, metrics: Metrics | None = None) -> Folding:
    made = Folding(clickhouse, feed, metrics or Metrics(), chance=random.random)
    feed.merges.listen(made._hear)
    return made


async def test_changes_become_a_row(clickhouse: ClickHouse) -> None:
    feed = Known()
    await keep(clickhouse, ANNA)
    await Profiles(clickhouse, feed.merges, Metrics()).fold(["visitor", "anna"])
    found = await shown(clickhouse)
    assert people.same(found, people.expected(ANNA, feed.merges))
    assert found["visitor"]["traits"] == {"plan": "free", "seen": 1, "visits": 2}
    assert found["anna"]["source_ids"] == ["shop"]


async def test_a_merge_may_come_before_between_and_after(clickhouse: ClickHouse) -> None:
    for when in range(4):
        said = [replace(each, profile_id=f"{each.profile_id}{when}") for each in ANNA]
        visitor, anna = f"visitor{when}", f"anna{when}"
        feed = Known()
        folds = folding(clickhouse, feed)
        for number in range(4):
            if number == when:
                feed.learn(Edge(visitor, anna, AT, "link"))
                await folds.follow()
            if number < len(said):
                await keep(clickhouse, [said[number]], number)
                await folds._profiles.fold([said[number].profile_id])
        found = await shown(clickhouse)
        assert visitor not in found
        assert people.same({anna: found[anna]}, people.expected(said, feed.merges))
        ids = {"anonymous": ["v"], "email": ["a@x.org"], "user": ["anna"]}
        assert found[anna]["ids"] == ids


async def test_a_merge_that_is_taken_back_splits_the_profile(clickhouse: ClickHouse) -> None:
    feed = Known(Edge("visitor", "anna", AT + 10, "link"))
    folds = folding(clickhouse, feed)
    bert = change(4, "bert", ids={"user": ("bert",)})
    await keep(clickhouse, [*ANNA, bert])
    await folds._catch_up(list(feed.merges))
    await folds._profiles.fold(["bert"])
    assert set(await shown(clickhouse)) == {"anna", "bert"}
    feed.learn(Edge("visitor", "bert", AT, "link"))
    await folds.follow()
    found = await shown(clickhouse)
    assert people.same(found, people.expected([*ANNA, bert], feed.merges))
    assert found["anna"]["traits"] == {"plan": "pro"}


async def test_a_fold_again_writes_nothing(clickhouse: ClickHouse) -> None:
    feed, metrics = Known(), Metrics()
    profiles = Profiles(clickhouse, feed.merges, metrics)
    await keep(clickhouse, ANNA)
    for _ in range(2):
        await profiles.fold(["anna", "visitor"])
        await keep(clickhouse, ANNA, 100)
    assert metrics.get("headrace_sink_profiles_total", outcome="written") == 2
    assert metrics.get("headrace_sink_profiles_total", outcome="same") == 2


async def test_a_sink_that_has_not_heard_of_a_merge_is_put_right(clickhouse: ClickHouse) -> None:
    edge = Edge("visitor", "anna", AT, "link")
    knowing, late = Known(edge), Known()
    await folding(clickhouse, knowing)._catch_up(list(knowing.merges))
    await keep(clickhouse, ANNA)
    lagging = folding(clickhouse, late)
    await lagging._profiles.fold(["visitor", "anna"])
    assert not people.same(await shown(clickhouse), people.expected(ANNA, knowing.merges))
    late.learn(edge)
    await lagging.follow()
    assert people.same(await shown(clickhouse), people.expected(ANNA, knowing.merges))


async def test_what_a_dead_sink_left_is_found(clickhouse: ClickHouse) -> None:
    """It had stored changes, by merges that it did not know, and was heard of no more."""
    feed, metrics = Known(Edge("visitor", "anna", AT, "link")), Metrics()
    survivor = folding(clickhouse, feed, metrics)
    await survivor._catch_up(list(feed.merges))
    await keep(clickhouse, ANNA)
    await Profiles(clickhouse, Known().merges, Metrics()).fold(["visitor", "anna"])
    survivor.suspect()
    await survivor.follow()
    assert people.same(await shown(clickhouse), people.expected(ANNA, feed.merges))
    assert metrics.get("headrace_sink_stale_profiles_total") == 1
    survivor.suspect()
    await survivor.follow()
    assert metrics.get("headrace_sink_stale_profiles_total") == 1


async def test_any_order_and_repetition_ends_in_the_same_rows(clickhouse: ClickHouse) -> None:
    """Three sinks that know different things fold as it comes, and then all know all."""
    chance = random.Random(5)  # noqa: S311 - a test's own
    ids = [f"p{number}" for number in range(12)]
    said = [
        change(
            number,
            chance.choice(ids),
            increment={"n": 1},
            set={f"k{number % 3}": number},
            ids={"user": (f"u{number}",)},
        )
        for number in range(40)
    ]
    edges = [
        Edge(*each, at=AT + number, kind="alias")
        for number, each in enumerate(
            zip(chance.sample(ids, 8), chance.sample(ids, 8), strict=True)
        )
    ]
    feeds = [Known() for _ in range(3)]
    sinks = [folding(clickhouse, feed) for feed in feeds]
    steps: list[tuple[int, Change | Edge]] = [(0, each) for each in [*said, *said[::2]]]
    steps += [(sink, edge) for sink in range(3) for edge in chance.sample(edges, len(edges))]
    chance.shuffle(steps)
    for offset, (sink, each) in enumerate(steps):
        if isinstance(each, Edge):
            feeds[sink].learn(each)
            if chance.random() < 0.5:
                await sinks[sink].follow()
        else:
            await keep(clickhouse, [each], offset)
            await chance.choice(sinks)._profiles.fold([each.profile_id])
    for each_sink in sinks:
        await each_sink.follow()
    assert people.same(await shown(clickhouse), people.expected(said, feeds[0].merges))


async def test_groups_have_a_view_of_their_own(clickhouse: ClickHouse) -> None:
    acme = change(1, "g", kind="group", ids={"company": ("acme",)}, set={"size": 7})
    await keep(clickhouse, [acme])
    await Profiles(clickhouse, Known().merges, Metrics()).fold(["g"])
    found = await shown(clickhouse, "groups")
    assert [(row["group_type"], row["group_id"], row["traits"]) for row in found.values()] == [
        ("company", "acme", {"size": 7})
    ]
    assert await shown(clickhouse) == {}


TRAITS: list[dict[str, object]] = [
    {"a.b": 1, "a": {"b": 2}},
    {"": 1, ".": 2, "a..b": 3},
    {"a": None, "b": [None, 1, "x", {"c": []}]},
    {"big": 2**64 - 1, "low": -(2**63), "small": 1e-320, "large": 1.7e308},
    {"deep": [[[[[[1]]]]]]},
    {"ünï\u0000\u2028": "\U0001f600"},
]


async def test_traits_are_kept_as_they_were_said(clickhouse: ClickHouse) -> None:
    said = [change(number, f"p{number}", set=traits) for number, traits in enumerate(TRAITS)]
    await keep(clickhouse, said)
    profiles = Profiles(clickhouse, Known().merges, Metrics())
    await profiles.fold(each.profile_id for each in said)
    found = await shown(clickhouse)
    assert [found[each.profile_id]["traits"] for each in said] == TRAITS


async def test_events_are_joined_to_the_profile_that_goes_on(clickhouse: ClickHouse) -> None:
    feed = Known()
    folds = folding(clickhouse, feed)
    name = clickhouse.database
    await clickhouse.command(
        f"INSERT INTO {name}.events (event_id, event_time, received_at, source_id, event_type,"  # noqa: S608 - a test's own
        " profile_id) SELECT generateUUIDv4(), now(), now(), 'shop', 'view', p"
        " FROM (SELECT arrayJoin(['visitor', 'anna', 'visitor', 'bert']) AS p)"
    )
    feed.learn(Edge("visitor", "anna", AT, "link"))
    await folds.follow()
    by_view = f"SELECT profile_id, count() FROM {name}.events_resolved GROUP BY 1 ORDER BY 1"  # noqa: S608
    by_dictionary = (
        f"SELECT dictGetOrDefault('{name}.profile_overrides_dict', 'merged_into', profile_id,"  # noqa: S608
        f" profile_id) AS p, count() FROM {name}.events GROUP BY 1 ORDER BY 1"
    )
    for question in (by_view, by_dictionary):
        assert await clickhouse.query(question) == [("anna", 3), ("bert", 1)]


async def test_users_are_found(clickhouse: ClickHouse) -> None:
    said = [
        change(1, "a", ids={"user": ("anna", "7")}, set={"visits": 10, "plan": "pro"}),
        change(2, "b", ids={"user": ("bert",)}, set={"visits": 9.5}),
        change(3, "c", ids={"user": ("cleo",)}, set={"visits": "many"}),
        change(4, "d", ids={"user": ("dora",)}, set={"a.b": None}),
        change(5, "e", ids={"anonymous": ("e",)}, set={"visits": 1}),
        change(6, "f", ids={"user": ("7",)}, source_id="other"),
    ]
    await keep(clickhouse, said)
    await Profiles(clickhouse, Known().merges, Metrics()).fold("abcdef")
    archive = Archive(clickhouse, clickhouse.database)

    async def users(**asked: Any) -> list[str]:
        found = await archive.profiles(SelectProfiles("shop", **asked))
        return [user.user_ids[-1] for user in found]

    assert await users() == ["dora", "cleo", "bert", "anna"]
    assert await users(order="visits") == ["bert", "anna", "cleo", "dora"]
    assert await users(order="visits", descending=True) == ["anna", "bert", "cleo", "dora"]
    assert await users(limit=2, offset=1) == ["cleo", "bert"]
    assert await users(order="x'); DROP TABLE events; --") == ["anna", "bert", "cleo", "dora"]
    assert await users(user="nobody") == []
    assert await archive.profiles(SelectProfiles("shop", user="7")) == [
        Profile(("7", "anna"), {"visits": 10, "plan": "pro"}, AT + 1, AT + 1)
    ]


async def test_a_dictionary_that_cannot_be_read_keeps_nobody_waiting(
    clickhouse: ClickHouse,
) -> None:
    feed, metrics = Known(), Metrics()
    folds = folding(clickhouse, feed, metrics)
    await clickhouse.command(f"DROP DICTIONARY {clickhouse.database}.profile_overrides_dict")
    feed.learn(Edge("visitor", "anna", AT, "link"))
    await folds.follow()
    assert metrics.get("headrace_sink_overrides_total") == 1
    assert "headrace_sink_profile_failures_total" in metrics.text()
