"""What is derived of an event, and what is not because its client said so itself."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.steps.enrich import enrich, enriched, nowhere
from processors.steps.enrich_agent import LONGEST, agent
from processors.steps.enrich_page import CLICK_IDS, page
from schemas.events import DERIVED, DETAILS, Event
from schemas.wire import rakam
from tests.processors.world import raw

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
PARIS = {
    "country": "FR",
    "region": "Paris",
    "city": "Paris",
    "latitude": 48.9,
    "longitude": 2.4,
    "timezone": "Europe/Paris",
}


def locate(ip: str) -> dict[str, Any]:
    return PARIS if ip == "198.51.100.7" else {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CHROME, "Chrome 140.0.0.0 | Linux | | desktop"),
        (IPHONE, "Mobile Safari 17.5 | iOS 17.5 | iPhone | mobile"),
        (IPHONE.replace("iPhone;", "iPad;"), "Mobile Safari 17.5 | iOS 17.5 | iPad | tablet"),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari",
            "Chrome Mobile 140.0.0.0 | Android 10 | | mobile",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/140.0.0.0 Safari",
            "Chrome 140.0.0.0 | Android 14 | SM-X710 | tablet",
        ),
        (
            "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A)",
            "Android 13 | Android 13 | Pixel 7 | mobile",
        ),
        (
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 Version/6.0 TV Safari/537",
            "Safari 6.0 | Tizen 6.0 | Samsung SMART-TV | tv",
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", "Googlebot 2.1 | | | bot"),
        (CHROME.replace("Chrome/", "HeadlessChrome/"), "HeadlessChrome 140.0.0 | Linux | | bot"),
        ("python-requests/2.31", "Python Requests 2.31 | | | "),
        ("filum-node-sdk/0.1.0", " | | | "),
        ("", " | | | "),
    ],
)
def test_user_agents(text: str, told: str) -> None:
    found = agent(text)
    parts = [
        f"{found.get(name, '')} {found.get(f'{name}_version', '')}" for name in ("browser", "os")
    ]
    parts += [found.get("device", ""), found.get("device_type", "")]
    assert [part.strip() for part in parts] == [part.strip() for part in told.split("|")]
    assert found.get("is_bot", False) is (found.get("device_type") == "bot")


def test_a_user_agent_is_looked_at_so_far_and_no_further() -> None:
    assert agent(" " * LONGEST + CHROME) == {}
    assert agent((CHROME + " " * LONGEST)[:LONGEST]) == agent(CHROME + " " * LONGEST + "Googlebot")


@pytest.mark.parametrize(
    ("url", "columns"),
    [
        ("https://S.example:8443/a?x=1", {}),
        ("/a?gclid=1", {"click_id_type": "gclid", "click_id": "1"}),
        ("https://s.example/?FBCLID=a%2Bb#x", {"click_id_type": "fbclid", "click_id": "a+b"}),
        (
            "https://s.example/?fbclid=f&gclid=g&gclid=h",
            {"click_id_type": "gclid", "click_id": "g"},
        ),
        ("https://s.example/?gclid=", {}),
        ("https://s.example/?gclid=" + "x" * 513, {}),
        ("https://s.example/#?gclid=1", {}),
        (
            "https://s.example/?" + "x=1&" * 600 + "ttclid=t",
            {"click_id_type": "ttclid", "click_id": "t"},
        ),
        ("", {}),
    ],
)
def test_pages(url: str, columns: dict[str, str]) -> None:
    own = {"page_host": "s.example", "referrer_medium": "direct"} if "://" in url else {}
    assert page(url) == own | columns


@pytest.mark.parametrize("name", CLICK_IDS)
def test_every_click_id(name: str) -> None:
    found = page(f"https://s.example/?a=b&{name}=id1")
    assert (found["click_id_type"], found["click_id"]) == (name, "id1")


@pytest.mark.parametrize(
    ("host", "url", "own", "columns"),
    [
        ("", "", "s.example", {"referrer_medium": "direct"}),
        ("", "", "", {}),
        ("", "no address", "s.example", {}),
        ("s.example", "", "www.s.example", {"referrer_medium": "internal"}),
        (
            "",
            "https://www.Google.co.uk/search?q=red+socks",
            "s.example",
            {
                "referrer_host": "www.google.co.uk",
                "referrer_medium": "search",
                "referrer_source": "Google",
                "referrer_term": "red socks",
            },
        ),
        ("T.CO", "", "", {"referrer_medium": "social", "referrer_source": "Twitter"}),
        (
            "",
            "android-app://com.google.android.gm/",
            "",
            {
                "referrer_host": "com.google.android.gm",
                "referrer_medium": "email",
                "referrer_source": "Gmail",
            },
        ),
        ("r.example", "", "", {"referrer_medium": "unknown"}),
        ("a." * 2000 + "facebook.com", "", "", {"referrer_medium": "unknown"}),
    ],
)
def test_referrers(host: str, url: str, own: str, columns: dict[str, str]) -> None:
    page_host = {"page_host": own} if own else {}
    assert page(own and f"https://{own}/", url, host) == page_host | columns


def test_all_that_an_event_says_is_used() -> None:
    details = {
        "user_agent": CHROME,
        "ip": "198.51.100.7",
        "page_url": "https://s.example/a?gclid=g",
        "page_path": "/a",
        "referrer": "https://duckduckgo.com/",
        "referrer_host": "duckduckgo.com",
        "no_such_column": "x",
        "locale": "",
    }
    found = enrich(details, locate)
    assert found == {
        "user_agent": CHROME,
        "ip": "198.51.100.7",
        "page_url": "https://s.example/a?gclid=g",
        "page_path": "/a",
        "page_host": "s.example",
        "click_id": "g",
        "click_id_type": "gclid",
        "referrer": "https://duckduckgo.com/",
        "referrer_host": "duckduckgo.com",
        "referrer_medium": "search",
        "referrer_source": "DuckDuckGo",
        "browser": "Chrome",
        "browser_version": "140.0.0.0",
        "os": "Linux",
        "device_type": "desktop",
        **PARIS,
    }
    assert set(found) <= DETAILS | DERIVED


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({"os": "iOS"}, {"os": "iOS", "os_version": "17.5"}),
        ({"os": "ios"}, {"os": "ios", "os_version": "17.5"}),
        ({"os": "Symbian"}, {"os": "Symbian"}),
        ({"os_version": "3"}, {"os_version": "3"}),
        ({"os": "iOS", "os_version": "18"}, {"os": "iOS", "os_version": "18"}),
        ({"device": "mine", "device_type": "phone"}, {"device": "mine", "device_type": "phone"}),
    ],
)
def test_a_client_s_own_word_stands(given: dict[str, str], more: dict[str, str]) -> None:
    derived = dict(agent(IPHONE))
    for name in given:
        for each in {"os": ("os", "os_version"), "os_version": ("os", "os_version")}.get(
            name, (name,)
        ):
            derived.pop(each, None)
    found = enrich({"user_agent": IPHONE} | given, nowhere)
    assert found == derived | {"user_agent": IPHONE} | more


@pytest.mark.parametrize(
    ("said", "derived"),
    [
        ({"country": "fr"}, PARIS),
        ({"country": "VN"}, {"timezone": "Europe/Paris"}),
        ({"timezone": "UTC"}, PARIS),
        ({"city": "Lyon"}, {"timezone": "Europe/Paris"}),
    ],
)
def test_a_place_is_one_place(said: dict[str, str], derived: dict[str, Any]) -> None:
    found = enrich({"ip": "198.51.100.7"} | said, locate)
    assert found == {"ip": "198.51.100.7"} | derived | said


@given(
    st.dictionaries(
        st.sampled_from(sorted(DETAILS)), st.text(alphabet=st.characters(codec="utf-8"))
    )
)
def test_nothing_that_is_given_is_changed_and_nothing_raises(details: dict[str, str]) -> None:
    found = enrich(details, locate)
    assert {name: found[name] for name, text in details.items() if text} == {
        name: text for name, text in details.items() if text
    }
    assert all(found.values())


def test_what_is_cached_is_nobody_s_to_change() -> None:
    first = enrich({"user_agent": CHROME}, nowhere)
    first["browser"] = "another"
    assert enrich({"user_agent": CHROME}, nowhere)["browser"] == "Chrome"


@pytest.mark.parametrize(
    ("policy", "ip", "city"),
    [
        ("keep", "198.51.100.7", "Paris"),
        ("truncate", "198.51.100.0", "Paris"),
        ("drop", None, "Paris"),
    ],
)
def test_an_address_is_located_before_it_is_hidden(policy: Any, ip: str | None, city: str) -> None:
    sent = replace(raw(), ip="198.51.100.7")
    event = Event(
        "track",
        "t",
        properties={"ip": "198.51.100.7", "list": [{"of": "198.51.100.7"}, 1, "198.51.100.70"]},
        context={"ip": "198.51.100.7", "os": None},
        details={"ip": "198.51.100.7"},
    )
    hidden, columns = enriched(sent, event, locate, policy)
    assert (columns.get("ip"), columns["city"]) == (ip, city)
    assert hidden.context == {"ip": ip or "", "os": None}
    assert hidden.properties == {"ip": ip or "", "list": [{"of": ip or ""}, 1, "198.51.100.70"]}


def test_an_address_that_only_the_client_knows_is_hidden_too() -> None:
    event = Event("track", "t", context={"ip": "192.0.2.9"}, details={"ip": "192.0.2.9"})
    hidden, columns = enriched(replace(raw(), ip="198.51.100.7"), event, nowhere, "truncate")
    assert (hidden.context, columns) == ({"ip": "192.0.2.0"}, {"ip": "192.0.2.0"})


def rakam_event(**properties: Any) -> Event:
    sent = replace(
        raw(),
        endpoint="collect",
        protocol="rakam",
        ip="198.51.100.7",
        user_agent=IPHONE,
        body={"collection": "c", "properties": properties},
        batch={},
    )
    return enriched(sent, rakam.decode(sent), locate, "keep")[0]


def test_rakam_has_derived_columns_among_its_properties_where_it_asks_for_them() -> None:
    assert rakam_event(a=1).properties == {"a": 1}
    assert rakam_event(_ip=True, _city="mine").properties == {
        "_country_code": "FR",
        "_region": "Paris",
        "_city": "mine",
        "_latitude": 48.9,
        "_longitude": 2.4,
        "_timezone": "Europe/Paris",
    }
    assert rakam_event(_user_agent=True).properties == {
        "_user_agent_family": "Mobile Safari",
        "_user_agent_version": "17.5",
        "_os": "iOS",
        "_os_version": "17.5",
        "_device_family": "iPhone",
    }
