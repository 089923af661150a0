"""Rows of exports of products about people, and what they become."""

from typing import Any

Expected = dict[str, Any]

T = 1_700_000_000_000
"""2023-11-14T22:13:20Z."""
UUID = "b3e2b85f-ec4a-4bbf-9441-e1b2f10bca6d"


def said(event: str, **properties: Any) -> Any:
    """A line of Mixpanel's."""
    return {"event": event, "properties": {"time": T // 1000, **properties}}


PRODUCTS: list[tuple[Any, ...]] = [
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
        {"type": "identify", "userId": "u1", "context": {"traits": {"email": "a@s.example"}}},
        {"kind": "identify", "changes": {"set": {"email": "a@s.example"}}},
    ),
    (
        "segment",
        {"type": "group", "userId": "u1", "groupId": "g1", "context": {"traits": {"email": "a"}}},
        {"kind": "group", "group_id": "g1", "changes": None},
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
]
