"""Fields of a source as people write them: every one is taken, every mistake is named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from schemas.errors import Malformed
from schemas.kafka_topics import KafkaTopic
from schemas.source_fields import SETTABLE, changed, new_source
from schemas.sources import Limits, Redirect, Source, from_record
from tests.schemas.values import json_objects

LINK = {"id": "sale", "url": "https://s.example/", "event_type": "sale-opened"}
TOPIC: dict[str, Any] = {
    "topic": "orders",
    "servers": "kafka-1:9092,[::1]:9092",
    "sasl": "PLAIN",
    "username": "us",
    "password": "hush",
    "columns": {"user": "customer"},
    "skip": ["card"],
    "ahead": 5,
}
WHOLE: dict[str, Any] = {
    "name": "Shop \N{FAMILY}",
    "description": "two\nlines",
    "channel": "Web",
    "protocol": "tracardi",
    "bridge": "kafka",
    "enabled": False,
    "origins": ["https://a.example", " * "],
    "dynamic_schema": False,
    "session_timeout": 60,
    "session_max": 7200,
    "session_on_campaign": True,
    "static_profile_ids": True,
    "transitional": True,
    "requires_consent": True,
    "returns_profile": True,
    "replace_profile_id": "user.id",
    "generate_profile": True,
    "sticky_session": False,
    "merge_by": ["phone", "email"],
    "ip": "truncate",
    "retention_days": 90,
    "ip_retention_days": 30,
    "redirects": [{**LINK, "name": "Sale", "props": {"a": "payload@params.a"}}],
    "kafka": TOPIC,
    "limits": {"body_bytes": 1000, "events_per_request": 5, "requests_per_second": 7},
}
MADE = Source(
    "shop",
    **{
        **WHOLE,
        "origins": ("https://a.example", "*"),
        "merge_by": ("phone", "email"),
        "redirects": (Redirect(**LINK, name="Sale", props={"a": "payload@params.a"}),),
        "kafka": KafkaTopic(**{**TOPIC, "skip": ("card",)}),
        "limits": Limits(1000, 5, 7),
    },
)


def test_every_field_is_taken() -> None:
    assert set(WHOLE) == SETTABLE
    assert new_source({"id": "shop", **WHOLE}) == MADE
    assert changed(Source("shop"), WHOLE) == MADE
    assert from_record(MADE.as_record()) == MADE


def test_what_is_not_named_stays() -> None:
    assert new_source({"id": "shop"}) == Source("shop")
    assert changed(MADE, {}) == MADE
    limited = changed(MADE, {"limits": {"events_per_request": 9}})
    assert limited == replace(MADE, limits=Limits(1000, 9, 7))
    assert changed(MADE, {"redirects": [], "origins": []}).origins == ()


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"colour": "red"}, "colour", "'colour' is no field of an event source; there are: bridge"),
        ({"name": 5}, "name", "name must be a text"),
        ({"name": None}, "name", "name must be a text"),
        ({"name": "n" * 257}, "name", "more than 256"),
        ({"channel": "a\tb"}, "channel", "control characters"),
        ({"description": "\x00"}, "description", "at most 4000"),
        ({"description": "d" * 4001}, "description", "at most 4000"),
        ({"enabled": "yes"}, "enabled", "true or false"),
        ({"bridge": "pipe"}, "bridge", "one of"),
        ({"merge_by": "email"}, "merge_by", "out of: email, phone"),
        ({"merge_by": ["email", 5]}, "merge_by", "out of: email, phone"),
        ({"session_timeout": 0}, "session_timeout", "above 0"),
        ({"session_timeout": 1 << 60}, "session_timeout", "at most"),
        ({"session_timeout": "60"}, "session_timeout", "whole number"),
        ({"limits": 5}, "limits", "JSON object"),
        ({"limits": {"body_byte": 5}}, "body_byte", "'body_byte' is no field of limits"),
        ({"limits": {"body_bytes": 1 << 60}}, "limits", "at most"),
        ({"limits": {"body_bytes": True}}, "limits", "whole number"),
        ({"limits": {"requests_per_second": -1}}, "limits", "above 0"),
        ({"origins": "*"}, "origins", "must be a list"),
        ({"origins": ["a"] * 101}, "origins", "at most 100"),
        ({"origins": [5]}, "origins", "must be a text"),
        ({"origins": [" "]}, "origins", "https://shop.example"),
        ({"redirects": {}}, "redirects", "must be a list"),
        ({"redirects": ["sale"]}, "redirects", "JSON object"),
        ({"redirects": [{"id": "sale"}]}, "redirects", "url is missing"),
        ({"redirects": [{**LINK, "id": "a/b"}]}, "redirects", "A-Za-z0-9_-"),
        ({"redirects": [{**LINK, "id": 5}]}, "redirects", "must be a text"),
        ({"redirects": [{**LINK, "url": "javascript:x"}]}, "redirects", "http(s)://"),
        ({"redirects": [{**LINK, "url": "https://" + "u" * 2048}]}, "redirects", "2048"),
        ({"redirects": [{**LINK, "event_type": " "}]}, "redirects", "event_type"),
        ({"redirects": [{**LINK, "props": []}]}, "redirects", "props must be an object"),
        ({"redirects": [{**LINK, "props": {"a": "x" * 20_000}}]}, "redirects", "16384"),
        ({"redirects": [{**LINK, "color": 1}]}, "color", "no field of a redirect"),
        ({"redirects": [LINK] * 201}, "redirects", "at most 200"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_mistake_is_named(given: dict[str, Any], field: str, words: str) -> None:
    writes: tuple[Callable[[], Source], ...] = (
        lambda: new_source({"id": "shop", **given}),
        lambda: changed(MADE, given),
    )
    for write in writes:
        with pytest.raises(Malformed) as caught:
            write()
        assert (caught.value.code, caught.value.status) == ("source-invalid", 400)
        assert caught.value.where == (field,)
        assert words in caught.value.message


def test_two_links_of_one_id_are_a_clash() -> None:
    with pytest.raises(Malformed, match="same id") as caught:
        changed(MADE, {"redirects": [LINK, LINK]})
    assert (caught.value.code, caught.value.status) == ("redirect-exists", 409)


@pytest.mark.parametrize("fixed", ["id", "keys", "created_at", "updated_at"])
def test_some_fields_cannot_be_changed(fixed: str) -> None:
    with pytest.raises(Malformed, match=f"{fixed} cannot be changed"):
        changed(MADE, {fixed: MADE.as_record()[fixed]})


@pytest.mark.parametrize("source_id", [None, "", "Shop", 5, ["shop"], "a b", "s" * 64], ids=str)
def test_a_source_needs_a_slug(source_id: Any) -> None:
    with pytest.raises(Malformed) as caught:
        new_source({"id": source_id})
    assert caught.value.where == ("id",)
    with pytest.raises(Malformed, match="id is missing"):
        new_source({})


@given(json_objects)
def test_whatever_is_written_is_a_source_or_malformed(fields: dict[str, Any]) -> None:
    for name in (*SETTABLE, "id"):
        for value in [fields, *fields.values()]:
            try:
                source = new_source({"id": "shop", name: value})
            except Malformed:
                continue
            assert from_record(source.as_record()) == source
