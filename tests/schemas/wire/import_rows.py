"""Rows as vendors export them, and what they become."""

from typing import Any

from schemas.wire.imports.snowplow import COLUMNS

Expected = dict[str, Any]

T = 1_700_000_000_000
"""2023-11-14T22:13:20Z."""
UUID = "b3e2b85f-ec4a-4bbf-9441-e1b2f10bca6d"


def enriched(**cells: str) -> list[str]:
    """A line of Snowplow's."""
    return [cells.get(name, "") for name in COLUMNS]


def said(event: str, **properties: Any) -> Any:
    """A line of Mixpanel's."""
    return {"event": event, "properties": {"time": T // 1000, **properties}}


CASES: list[tuple[Any, ...]] = [
    (
        "mixpanel",
        said(
            "Order Completed",
            distinct_id="u1",
            **{"$insert_id": "i1", "revenue": 9.95, "$city": "Graz", "mp_country_code": "AT"},
        ),
        {
            "kind": "track",
            "event_type": "Order Completed",
            "event_time": T,
            "user_id": "u1",
            "anonymous_id": "",
            "message_id": "Order Completed:1700000000:u1:i1",
            "properties": {"revenue": 9.95, "$city": "Graz", "mp_country_code": "AT"},
            "details": {"city": "Graz", "country": "AT"},
        },
    ),
    (
        "mixpanel",
        said("Look", distinct_id="$device:d1", **{"$device_id": "d1"}),
        {"user_id": "", "anonymous_id": "d1", "message_id": ""},
    ),
    (
        "mixpanel",
        said("Look", distinct_id="u1", **{"$device_id": "d1", "$user_id": "u1"}),
        {"user_id": "u1", "anonymous_id": "d1"},
    ),
    (
        "mixpanel",
        said("$identify", distinct_id="u1", **{"$identified_id": "u1", "$anon_id": "d1"}),
        {"kind": "identify", "user_id": "u1", "anonymous_id": "d1"},
    ),
    (
        "mixpanel",
        said("$create_alias", distinct_id="u1", alias="old"),
        {"kind": "alias", "user_id": "u1", "previous_id": "old"},
    ),
    (
        "amplitude",
        {
            "event_type": "watch",
            "event_time": "2023-11-14 22:13:20.000000",
            "uuid": UUID,
            "user_id": None,
            "device_id": "d1",
            "session_id": T,
            "event_properties": {"n": 1},
            "user_properties": {"plan": "pro"},
            "country": "Austria",
            "os_name": "iOS",
        },
        {
            "event_type": "watch",
            "event_time": T,
            "anonymous_id": "d1",
            "user_id": "",
            "message_id": UUID,
            "session_id": f"d1:{T}",
            "properties": {"n": 1},
            "context": {"user_properties": {"plan": "pro"}},
            "changes": None,
            "details": {"country": "Austria", "os": "iOS"},
        },
    ),
    (
        "amplitude",
        {
            "event_type": "$identify",
            "event_time": "2023-11-14 22:13:20",
            "$insert_id": "i",
            "user_id": "u1",
            "device_id": "d1",
            "session_id": -1,
            "user_properties": {"plan": "pro"},
        },
        {
            "kind": "identify",
            "changes": {"set": {"plan": "pro"}},
            "session_id": "",
            "message_id": "d1:i",
        },
    ),
    (
        "posthog",
        {
            "uuid": UUID,
            "event": "$pageview",
            "distinct_id": "d1",
            "timestamp": "2023-11-14T22:13:20Z",
            "properties": {
                "$device_id": "d1",
                "$session_id": "s1",
                "$current_url": "https://s.example/p",
                "$set": {"a": 1},
                "$browser_version": 140,
            },
        },
        {
            "kind": "page",
            "event_type": "$pageview",
            "event_time": T,
            "user_id": "",
            "anonymous_id": "d1",
            "session_id": "s1",
            "message_id": UUID,
            "changes": {"set": {"a": 1}},
            "details": {
                "page_url": "https://s.example/p",
                "page_path": "/p",
                "browser_version": "140",
            },
        },
    ),
    (
        "posthog",
        {
            "event": "$identify",
            "distinct_id": "u1",
            "timestamp": "2023-11-14 22:13:20+00:00",
            "properties": '{"$anon_distinct_id": "d1", "$set_once": {"b": 2}}',
        },
        {
            "kind": "identify",
            "user_id": "u1",
            "anonymous_id": "d1",
            "changes": {"set_once": {"b": 2}},
        },
    ),
    (
        "posthog",
        {"*.event": "buy", "*.distinct_id": "u1", "properties.price": "[9]", "*.properties.x": "1"},
        {"event_type": "buy", "user_id": "u1", "properties": {"price": [9], "x": "1"}},
    ),
    (
        "posthog",
        {
            "event": "$groupidentify",
            "distinct_id": "u1",
            "properties": {"$group_key": "acme", "$group_set": {"size": 3}},
        },
        {"kind": "group", "group_id": "acme", "changes": {"set": {"size": 3}}},
    ),
    (
        "segment",
        {
            "type": "track",
            "event": "Order Completed",
            "messageId": "m1",
            "anonymousId": "a1",
            "userId": "u1",
            "timestamp": "2023-11-14T22:13:20.000Z",
            "sentAt": "2023-11-14T22:13:21.000Z",
            "properties": {"revenue": 1},
            "context": {"ip": "192.0.2.1", "campaign": {"source": "news"}, "locale": "de-AT"},
        },
        {
            "kind": "track",
            "event_type": "Order Completed",
            "event_time": T,
            "sent_at": T + 1000,
            "user_id": "u1",
            "anonymous_id": "a1",
            "message_id": "m1",
            "properties": {"revenue": 1},
            "details": {"ip": "192.0.2.1", "utm_source": "news", "locale": "de-AT"},
        },
    ),
    (
        "segment",
        {"type": "page", "anonymousId": "a1", "name": "Home", "properties": {"url": "https://s/"}},
        {
            "kind": "page",
            "event_type": "page_view",
            "properties": {"name": "Home", "url": "https://s/"},
        },
    ),
    (
        "segment",
        {"type": "identify", "userId": "u1", "traits": {"email": "a@s.example"}},
        {"kind": "identify", "changes": {"set": {"email": "a@s.example"}}},
    ),
    (
        "segment",
        {"type": "alias", "userId": "u1", "previousId": "a1"},
        {"kind": "alias", "user_id": "u1", "previous_id": "a1"},
    ),
    (
        "segment",
        {"type": "group", "userId": "u1", "groupId": "g1", "traits": {"size": 3}},
        {"kind": "group", "group_id": "g1", "changes": {"set": {"size": 3}}},
    ),
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
