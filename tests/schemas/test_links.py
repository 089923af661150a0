import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import links


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://Shop.Example/a/b?x=1#y", "shop.example", "/a/b"),
        ("http://127.0.0.1:21200/static/t.html", "127.0.0.1", "/static/t.html"),
        ("http://user:pw@host:8080", "host", ""),
        ("http://host?x=/y", "host", ""),
        ("http://host#/y", "host", ""),
        ("http://[::1]:80/a", "[::1]", "/a"),
        ("/a/b?x", "", "/a/b"),
        ("android-app://com.example/x", "com.example", "/x"),
        ("", "", ""),
    ],
)
def test_host_and_path(url: str, host: str, path: str) -> None:
    assert links.host(url) == host
    assert links.path(url) == path


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://h/?utm_source=news&x=1", {"utm_source": "news"}),
        ("http://h/?utm_source=a&utm_source=b", {"utm_source": "a"}),
        ("http://h/?utm_term=a+b%20%C3%A9", {"utm_term": "a b é"}),
        ("http://h/?utm_source=&utm_other=1&utm_medium", {}),
        ("http://h/#?utm_source=news", {}),
        ("http://h/", {}),
        (
            "?utm_source=1&utm_medium=2&utm_campaign=3&utm_term=4&utm_content=5",
            {
                "utm_source": "1",
                "utm_medium": "2",
                "utm_campaign": "3",
                "utm_term": "4",
                "utm_content": "5",
            },
        ),
    ],
)
def test_campaign(url: str, found: dict[str, str]) -> None:
    assert links.campaign(url) == found


@given(st.text())
def test_any_text_is_a_url_of_some_kind(url: str) -> None:
    assert isinstance(links.host(url) + links.path(url), str)
    assert set(links.campaign(url)) <= links.CAMPAIGN
