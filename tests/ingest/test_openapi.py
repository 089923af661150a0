import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from ingest.openapi import document
from ingest.script import PATHS as SCRIPT_PATHS
from schemas.openapi import Description, answer, operation
from schemas.vendor import Route
from schemas.wire import VENDORS
from tests.cases.case import Case, all_cases
from tests.ingest.call import Call
from tests.ingest.plain import world

DOCUMENT: dict[str, Any] = json.loads(document(VENDORS, "1.2.3"))
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head"})
_OWN = {
    ("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", *SCRIPT_PATHS)
}


def described() -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): said
        for path, item in DOCUMENT["paths"].items()
        for method, said in item.items()
        if method in _METHODS
    }


def served(path: str) -> tuple[str, list[str]]:
    """The described path that a request's path belongs to, and the parts of both compared."""
    parts = path.rstrip("/").split("/")
    known = _matching(parts)
    if not known and parts[1] in {vendor.NAME for vendor in VENDORS}:
        parts = ["", *parts[2:]]
        known = _matching(parts)
    return known, parts


def _matching(parts: list[str]) -> str:
    for known in sorted(DOCUMENT["paths"], key=lambda known: known.count("{")):
        names = known.split("/")
        if len(names) == len(parts) and all(
            name == part or name.startswith("{") for name, part in zip(names, parts, strict=True)
        ):
            return str(known)
    return ""


def test_it_is_openapi() -> None:
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {
        (method, route.path.rstrip("/"))
        for vendor in VENDORS
        for route in vendor.ROUTES
        for method in route.methods
    }
    assert described().keys() == routes | _OWN


def test_every_path_parameter_is_described() -> None:
    for (method, path), said in described().items():
        named = {each["name"] for each in said.get("parameters", ()) if each["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), (method, path)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    schemas = DOCUMENT["components"]["schemas"]
    used = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == schemas.keys()


def test_every_operation_has_its_own_id_and_a_known_tag() -> None:
    ids = [said["operationId"] for said in described().values()]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {said["tags"][0] for said in described().values()} == tags


@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_what_the_cases_are_answered_is_described(case: Case) -> None:
    operations = described()
    for step in case.steps:
        method = step.request.get("method", "POST")
        if not step.request or method == "OPTIONS":
            continue
        path, _ = served(step.request["path"])
        status = str(step.reply.get("status", 200))
        said = operations.get((method, path))
        if method == "HEAD" and said is None:
            said = operations.get(("GET", path))  # whose answer it is, without the body
        assert said is not None or status in {"404", "405"}, step.request
        assert said is None or status in said["responses"], (path, status)


def test_two_vendors_cannot_describe_the_same_thing() -> None:
    said = operation("here", "", {"200": answer("Fine.")})
    description = Description("T", "t", {("GET", "/here"): said})
    route = Route("/here", "here", ("GET",))
    vendors: Any = [
        SimpleNamespace(NAME=name, ROUTES=(route,), DESCRIPTION=description) for name in "ab"
    ]
    with pytest.raises(ValueError, match="get is described twice"):
        document(vendors, "1")


async def test_it_is_served_and_its_paths_answer_nothing_but_get() -> None:
    app = world().app
    answer = await Call("/openapi.json", method="GET").answer(app)
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.json["openapi"] == "3.1.0"
    for _, path in sorted(_OWN):
        refused = await Call(path, method="DELETE").answer(app)
        assert (refused.status, refused.header("allow")) == (405, "GET, HEAD")
        assert refused.json["error"]["code"] == "method-not-allowed"
