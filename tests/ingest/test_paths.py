import pytest

from ingest.paths import Paths
from schemas.vendor import Route, Vendor
from tests.ingest.plain import Plain


def vendor(name: str, *routes: Route) -> Vendor:
    made = Plain()
    made.NAME = name
    made.ROUTES = routes
    return made


ONE = vendor(
    "one",
    Route("/track", "track"),
    Route("/collect/{type}/{source}", "collect"),
    Route("/batch", "batch"),
    Route("/batch/", "batch"),
    Route("/pixel", "pixel", methods=("GET",)),
    Route("/pixel", "pixel-post", methods=("POST",)),
)
PATHS = Paths([ONE, vendor("two", Route("/v1.0/send", "send"))])


@pytest.mark.parametrize("prefix", ["", "/one"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_bare_and_prefixed_with_a_slash_behind_or_not(prefix: str, slash: str) -> None:
    for path, endpoint in [("/track", "track"), ("/batch", "batch")]:
        found = PATHS.find(f"{prefix}{path}{slash}")
        assert found is not None
        assert found[0].routes["POST"].endpoint == endpoint
        assert found[1] == {}
    found = PATHS.find(f"{prefix}/collect/page-view/shop{slash}")
    assert found is not None
    assert found[0].routes["POST"].endpoint == "collect"
    assert found[1] == {"type": "page-view", "source": "shop"}


@pytest.mark.parametrize(
    "path",
    ["/", "", "/nothing", "/track//", "/two/track", "/collect/a", "/collect/a/b/c", "/v1x0/send"],
)
def test_other_paths_are_nobodys(path: str) -> None:
    assert PATHS.find(path) is None


def test_methods_of_one_path_are_told_apart() -> None:
    found = PATHS.find("/pixel")
    assert found is not None
    assert {method: route.endpoint for method, route in found[0].routes.items()} == {
        "GET": "pixel",
        "POST": "pixel-post",
    }


def test_a_path_claimed_twice_is_found_at_the_start() -> None:
    with pytest.raises(ValueError, match="two and one both claim /track"):
        Paths([ONE, vendor("two", Route("/track/", "track"))])
    with pytest.raises(ValueError, match="one claims POST /track twice"):
        Paths([vendor("one", Route("/track", "a"), Route("/track", "b"))])


API = Paths(
    [
        vendor(
            "api",
            Route("/s/{id}/keys/{key}", "key"),
            Route("/s/{id}/keys/rotate", "rotate"),
            Route("/s/{id}/{what}/rotate", "other"),
            Route("/s/all/keys/{key}", "all"),
        )
    ]
)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/s/shop/keys/k1", "key"),
        ("/s/shop/keys/rotate", "rotate"),
        ("/s/shop/links/rotate/", "other"),
        ("/s/all/keys/rotate", "all"),
    ],
)
def test_a_word_wins_over_a_parameter(path: str, endpoint: str) -> None:
    found = API.find(path)
    assert found is not None
    assert found[0].routes["POST"].endpoint == endpoint


def test_an_encoded_slash_is_part_of_a_parameter() -> None:
    found = PATHS.find("/collect/a/b c/shop", b"/collect/a%2Fb%20c/shop")
    assert found is not None
    assert found[1] == {"type": "a/b c", "source": "shop"}
    assert PATHS.find("/collect/a\nb/shop") is not None
