"""Rows of exports of products about sites, and of other collectors, and what they become."""

from typing import Any

from schemas.wire.imports.snowplow import COLUMNS
from tests.schemas.wire.import_rows import UUID, T


def enriched(**cells: str) -> list[str]:
    """A line of Snowplow's."""
    return [cells.get(name, "") for name in COLUMNS]


SITES: list[tuple[Any, ...]] = [
    (
        "snowplow",
        enriched(
            app_id="shop",
            event="page_view",
            event_name="page_view",
            event_id=UUID,
            collector_tstamp="2023-11-14 22:13:20.500",
            derived_tstamp="2023-11-14 22:13:20.000",
            domain_userid="d1",
            domain_sessionid="s1",
            page_url="https://s.example/p",
            dvce_screenwidth="800",
            dvce_screenheight="600",
            contexts='{"schema":"iglu:x","data":[{"schema":"iglu:com.acme/user/jsonschema/1-0-0",'
            '"data":{"a":1}}]}',
        ),
        {
            "kind": "page",
            "event_type": "page_view",
            "event_time": T,
            "anonymous_id": "d1",
            "user_id": "",
            "session_id": "s1",
            "message_id": UUID,
            "context": {"app_id": "shop", "com.acme/user": [{"a": 1}]},
            "details": {
                "page_url": "https://s.example/p",
                "page_path": "/p",
                "screen": "800x600",
            },
        },
    ),
    (
        "snowplow",
        enriched(
            event="unstruct",
            event_name="purchase",
            event_id=UUID,
            user_id="u1",
            unstruct_event='{"schema":"iglu:u","data":{"schema":"iglu:com.acme/purchase/jsonschema/'
            '1-0-0","data":{"total":3}}}',
        ),
        {"event_type": "purchase", "user_id": "u1", "properties": {"total": 3}},
    ),
    (
        "snowplow",
        enriched(
            event="struct", event_name="event", event_id=UUID, se_action="play", se_value="1.5"
        ),
        {"event_type": "play", "properties": {"se_action": "play", "se_value": 1.5}},
    ),
    (
        "ga4",
        {
            "event_name": "page_view",
            "event_timestamp": "1700000000000000",
            "user_pseudo_id": "1.2",
            "event_params": [
                {"key": "page_location", "value": {"string_value": "https://s.example/p"}},
                {"key": "ga_session_id", "value": {"int_value": "17"}},
                {"key": "score", "value": {"double_value": 0.5}},
                {"key": "nothing", "value": {}},
            ],
            "user_properties": [{"key": "plan", "value": {"string_value": "pro"}}],
            "device": {"category": "mobile", "web_info": {"browser": "Chrome"}},
            "geo": {"country": "Austria"},
        },
        {
            "kind": "page",
            "event_type": "page_view",
            "event_time": T,
            "anonymous_id": "1.2",
            "session_id": "1.2:17",
            "message_id": "",
            "properties": {
                "page_location": "https://s.example/p",
                "ga_session_id": 17,
                "score": 0.5,
            },
            "changes": {"set": {"plan": "pro"}},
            "details": {
                "page_url": "https://s.example/p",
                "page_path": "/p",
                "device_type": "mobile",
                "browser": "Chrome",
                "country": "Austria",
            },
        },
    ),
    (
        "matomo",
        {
            "idSite": "1",
            "idVisit": "77",
            "visitorId": "0123456789abcdef",
            "userId": None,
            "countryCode": "at",
            "referrerType": "campaign",
            "referrerName": "spring",
            "actionDetails": [
                {
                    "type": "action",
                    "url": "https://s.example/p",
                    "pageTitle": "P",
                    "timestamp": T // 1000,
                    "icon": "x.png",
                },
                {
                    "type": "event",
                    "eventCategory": "video",
                    "eventAction": "play",
                    "timestamp": T // 1000 + 1,
                },
            ],
        },
        {
            "kind": "page",
            "event_type": "page_view",
            "event_time": T,
            "anonymous_id": "0123456789abcdef",
            "session_id": "1:77",
            "message_id": "1:77:0",
            "properties": {"url": "https://s.example/p", "pageTitle": "P"},
            "details": {
                "page_url": "https://s.example/p",
                "page_path": "/p",
                "page_title": "P",
                "country": "AT",
                "utm_campaign": "spring",
            },
        },
        {
            "kind": "track",
            "event_type": "play",
            "message_id": "1:77:1",
            "properties": {"eventCategory": "video", "eventAction": "play"},
        },
    ),
    (
        "tracardi",
        {
            "_index": "tracardi-event",
            "_source": {
                "id": UUID,
                "type": "page-view",
                "metadata": {"time": {"insert": "2023-11-14T22:13:20Z"}, "ip": "192.0.2.1"},
                "session": {"id": "s1"},
                "profile": {"id": "p1"},
                "properties": {"a": 1},
                "traits": {"b": 2},
                "hit": {"url": "https://s.example/p", "name": "P"},
                "utm": {"source": "news"},
                "tags": {"values": ["x"], "count": 1},
            },
        },
        {
            "kind": "page",
            "event_type": "page-view",
            "event_time": T,
            "anonymous_id": "p1",
            "session_id": "s1",
            "message_id": UUID,
            "properties": {"a": 1},
            "changes": {"set": {"b": 2}},
            "tags": ("x",),
            "details": {
                "page_url": "https://s.example/p",
                "page_path": "/p",
                "page_title": "P",
                "ip": "192.0.2.1",
                "utm_source": "news",
            },
        },
    ),
    ("tracardi", {"type": "e", "profile": None}, {"profiled": False, "event_type": "e"}),
    (
        "rakam",
        {
            "project": "weir",
            "collection": "pageview",
            "properties": {
                "_time": T,
                "_user": 7,
                "_device_id": "d1",
                "_session_id": 5,
                "_id": "e1",
                "__ip": "192.0.2.1",
                "price": 9.5,
                "gone": None,
            },
        },
        {
            "kind": "page",
            "event_type": "pageview",
            "event_time": T,
            "user_id": "7",
            "anonymous_id": "d1",
            "session_id": "d1:5",
            "message_id": "e1",
            "properties": {"price": 9.5},
            "details": {"ip": "192.0.2.1"},
        },
    ),
    (
        "rakam",
        {"_time": "2023-11-14 22:13:20.000 UTC", "_user": "u", "a": "1", "empty": ""},
        {"event_type": "table", "event_time": T, "properties": {"a": "1"}},
    ),
]
