"""Rows with the structure of recorded exports, all values our own, and what they become.

The rows are in ``recorded.json``; Snowplow's is a line of its file.

Structure of: Mixpanel's of airbytehq/airbyte ``source-mixpanel/unit_tests`` (its web row) and of an
export of a React Native app in a public test; Amplitude's of the log of a public tool that
read a real export; PostHog's of PostHog/posthog ``batch_exports/tests``; Segment's of
segmentio/action-destinations ``packages/core/src/create-test-event.ts``; Snowplow's, as lines
and as its SDK's JSON, of snowplow/snowplow-python-analytics-sdk
``tests/test_event_transformer.py``; GA4's of Velir/dbt-ga4 ``unit_tests``; Matomo's of
matomo-org/matomo ``plugins/Live/tests/System/expected``.
"""

from pathlib import Path
from typing import Any, Final

from schemas import codec
from tests.schemas.wire.import_rows import UUID, T

ROWS: Final = codec.loads(Path(__file__).with_name("recorded.json").read_bytes())
AMPLITUDE: Final = ROWS["amplitude"]
VISITOR: Final = "5f0c1a00-9b1e-41ef-8a00-3c1f0e5a0001"
WEIR: Final = "https://s.example/weir?utm_source=news"
ENTITY: Final = {"genre": "blog", "keywords": ["weir"]}
LINK: Final = {
    "kind": "track",
    "event_type": "link_click",
    "event_time": T,
    "user_id": "u1",
    "anonymous_id": "bc2e92ec6c200000",
    "session_id": "s1",
    "message_id": UUID,
    "properties": ROWS["snowplow-sdk"][
        "unstruct_event_com_snowplowanalytics_snowplow_link_click_1"
    ],
}

RECORDED: list[tuple[Any, ...]] = [
    (
        "mixpanel",
        ROWS["mixpanel-mobile"],
        {
            "event_type": "Install",
            "event_time": T,
            "user_id": "77001",
            "anonymous_id": VISITOR,
            "message_id": f"Install:{T // 1000}:77001:9cc62d387de60000",
            "details": {
                "city": "Graz",
                "region": "Styria",
                "country": "AT",
                "os": "Android",
                "os_version": "15",
                "device": "SM-A266B",
                "screen": "1080x2118",
                "utm_source": "news",
                "library": "react-native",
                "library_version": "3.0.8",
            },
        },
    ),
    (
        "mixpanel",
        ROWS["mixpanel-web"],
        {
            "user_id": VISITOR,  # nothing says that it is a device's
            "anonymous_id": "",
            "details": {
                "page_url": WEIR,
                "page_path": "/weir",
                "utm_source": "news",
                "browser": "Chrome",
                "browser_version": "91.0.4472.101",
                "library": "Segment: analytics-wordpress",
            },
        },
    ),
    (
        "amplitude",
        AMPLITUDE,
        {
            "kind": "track",
            "event_type": "segment.paywall.load",
            "event_time": T,
            "sent_at": T + 3_863,
            "user_id": "u1",
            "anonymous_id": VISITOR,
            "group_id": "g-7",
            "session_id": "",
            "message_id": UUID,
            "properties": AMPLITUDE["event_properties"],
            "changes": None,
            "context": {
                "amplitude_id": 176632000000,
                "user_properties": {"role": "Member", "[Segment] Group": "g-7"},
                "groups": {"[Segment] Group": ["g-7"]},
                "group_properties": {"[Segment] Group": {"g-7": {"plan": "free"}}},
                "device_model": "Mac OS",
                "device_carrier": "Example",
                "user_creation_time": "2020-07-09 18:51:29.664000",
            },
            "details": {
                "ip": "192.0.2.1",
                "country": "Austria",
                "region": "Styria",
                "city": "Graz",
                "browser": "Chrome",
                "browser_version": "86",
                "os": "Mac OS",
                "locale": "English",
                "channel": "Web",
                "library": "segment",
            },
        },
    ),
    (
        "amplitude",
        AMPLITUDE | {"event_type": "$groupidentify", "platform": "iOS", "os_name": "ios"},
        {"kind": "group", "group_id": "g-7", "changes": {"set": {"plan": "free"}}},
    ),
    (
        "amplitude",
        AMPLITUDE
        | {
            "event_type": "$identify",
            "user_properties": {
                "$set": {"plan": "pro"},
                "$setOnce": {"initial_referrer": "EMPTY"},
                "$add": {"visits": 1},
                "$unset": {"trial": "-"},
            },
        },
        {
            "kind": "identify",
            "changes": {
                "set": {"plan": "pro"},
                "set_once": {"initial_referrer": "EMPTY"},
                "increment": {"visits": 1},
                "unset": ("trial",),
            },
        },
    ),
    (
        "posthog",
        ROWS["posthog"],
        {
            "event_type": "$autocapture",
            "event_time": T,
            "user_id": "",
            "anonymous_id": "d1",
            "message_id": UUID,
            "changes": {"set_once": {"$initial_os": "Mac OS X"}},
            "details": {
                "page_url": "https://s.example/weir",
                "page_path": "/weir",
                "utm_source": "news",
                "ip": "192.0.2.1",
                "browser": "Chrome",
                "screen": "1440x900",
            },
        },
    ),
    (
        "segment",
        ROWS["segment"],
        {
            "event_type": "Gauge Read",
            "event_time": T,
            "sent_at": T + 100,
            "user_id": "u1",
            "anonymous_id": VISITOR,
            "message_id": "ajs-f8ca1e4de5024d9430b3928bd8ac0001",
            "properties": {"level": 2.5},
            "context": ROWS["segment"]["context"],
            "changes": None,
            "details": {
                "page_url": WEIR,
                "page_path": "/weir",
                "page_title": "The weir",
                "utm_source": "news",
                "ip": "192.0.2.1",
                "user_agent": "Mozilla/5.0",
                "locale": "de-AT",
                "timezone": "Europe/Vienna",
                "channel": "client",
                "library": "analytics.js",
                "library_version": "2.11.1",
            },
        },
    ),
    (
        "snowplow",
        ROWS["snowplow"].split("\t"),
        LINK
        | {
            "context": {
                "schema": "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1",
                "org.schema/WebPage": [ENTITY],
                "app_id": "shop",
                "name_tracker": "cf",
                "v_collector": "clj-tomcat-0.1.0",
                "v_etl": "serde-0.5.2",
                "txn_id": "41828",
                "domain_sessionidx": "3",
                "network_userid": VISITOR,
                "geo_latitude": "47.07",
            },
            "details": {
                "page_url": WEIR,
                "page_path": "/weir",
                "utm_source": "news",
                "ip": "192.0.2.1",
                "country": "AT",
                "channel": "web",
                "library": "js-2.1.0",
            },
        },
    ),
    (
        "snowplow",
        ROWS["snowplow-sdk"],
        LINK
        | {
            "context": {
                "org_schema_web_page_1": [ENTITY],
                "app_id": "shop",
                "txn_id": 41828,
                "domain_sessionidx": 3,
                "geo_latitude": 47.07,
            }
        },
    ),
    (
        "ga4",
        ROWS["ga4"],
        {
            "kind": "page",
            "event_time": T,
            "user_id": "",
            "anonymous_id": "1.2",
            "session_id": "1.2:1700000000",
            "properties": {
                "ga_session_id": 1700000000,
                "firebase_screen_id": -9120000000000000001,
                "page_location": WEIR,
            },
            "context": {
                "traffic_source": ROWS["ga4"]["traffic_source"],
                "stream_id": "000",
                "privacy_info": {"ads_storage": "Yes", "analytics_storage": "Yes"},
            },
            "changes": None,
            "details": {
                "page_url": WEIR,
                "page_path": "/weir",
                "utm_source": "news",
                "country": "Austria",
                "region": "Styria",
                "city": "Graz",
                "device_type": "desktop",
                "locale": "de-at",
                "channel": "WEB",
            },
        },
    ),
    (
        "matomo",
        ROWS["matomo"],
        {
            "kind": "page",
            "event_time": T,
            "user_id": "",
            "anonymous_id": "5041e282fc230000",
            "session_id": "1:4",
            "message_id": "1:4:0",
            "properties": {
                "url": "https://s.example/p",
                "pageTitle": "P",
                "pageIdAction": "9",
                "pageId": "14",
                "timeSpent": 0,
                "pageviewPosition": 1,
            },
            "context": {
                "visitorType": "returning",
                "visitCount": "3",
                "referrerType": "direct",
                "dimension1": "blue",
            },
            "details": {
                "page_url": "https://s.example/p",
                "page_path": "/p",
                "page_title": "P",
                "ip": "192.0.2.1",
                "screen": "1024x768",
            },
        },
    ),
]
