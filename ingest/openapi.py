"""``/openapi.json``: one OpenAPI 3.1 document of all that the edge answers; pure."""

from collections.abc import Iterable
from typing import Final

from ingest.script import PATHS
from schemas import codec
from schemas.openapi import REASONS, STRING, Description, answer, operation, record, ref
from schemas.reading import JsonObject
from schemas.vendor import Vendor

_TEXT: Final = """\
Every path of a vendor answers with a slash behind it, too, and under the vendor's name: \
`/tracardi/track` is `/track`. A body is read by what it is, whatever its `Content-Type` says, \
and inflated when it is gzip, deflate, br or zstd. Any page may send a pre-flight (`OPTIONS`); \
the origins that may send events are a setting of the event source.

A request is answered with success after its events are safe, never before.
"""
_OPERATIONS: Final = "Operations"
_ERROR: Final = record(
    {"error": record({"code": STRING, "message": STRING}, ("code", "message"))}, ("error",)
)


def document(vendors: Iterable[Vendor], version: str) -> bytes:
    """Write the document as JSON.

    Args:
        vendors: those without a ``DESCRIPTION`` are left out.
        version: of headrace.

    Raises:
        ValueError: two vendors describe the same, or give a schema the same name.
    """
    vendors = tuple(vendors)
    paths: JsonObject = {}
    schemas: dict[str, JsonObject] = {"Error": _ERROR, "Protocol": _protocols(vendors)}
    security: dict[str, JsonObject] = {}
    tags = []
    for vendor in vendors:
        described: Description | None = getattr(vendor, "DESCRIPTION", None)
        if described is None:
            continue
        tags.append({"name": described.title, "description": described.text})
        _join(schemas, described.schemas)
        _join(security, described.security)
        for (method, path), said in described.operations.items():
            item = paths.setdefault(path, {"servers": _servers(vendor.NAME)})
            _join(item, {method.lower(): _named(said, vendor.NAME, described.title)})
    tags.append({"name": _OPERATIONS, "description": "For those who run it."})
    _join(paths, _operations())
    return codec.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "headrace",
                "version": version,
                "description": _TEXT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": tags,
            "paths": {path: paths[path] for path in sorted(paths)},
            "components": {"schemas": schemas, "securitySchemes": security},
        }
    )


def _protocols(vendors: Iterable[Vendor]) -> JsonObject:
    """The protocols that an event source can be for; a vendor does not know the others."""
    collecting = [
        vendor.NAME
        for vendor in vendors
        if any(route.purpose == "collect" for route in vendor.ROUTES)
    ]
    return {"type": "string", "enum": ["any", *sorted(collecting)]}


def _servers(name: str) -> list[JsonObject]:
    return [{"url": "/"}, {"url": f"/{name}", "description": "where two vendors claim a path"}]


def _named(said: JsonObject, name: str, tag: str) -> JsonObject:
    return {**said, "operationId": f"{name}-{said['operationId']}", "tags": [tag]}


def _join(whole: JsonObject, part: "Iterable[str] | JsonObject") -> None:
    for name in part:
        if name in whole:
            raise ValueError(f"{name} is described twice")
    whole.update(part)  # type: ignore[arg-type]


def _script(path: str) -> JsonObject:
    endpoint = path.strip("/").replace("/", "-").replace(".", "-")
    answers = {
        "200": answer("The script.", {"text/javascript": STRING}),
        "304": answer("The same as `If-None-Match` names."),
        "405": answer(REASONS[405], ref("Error")),
    }
    said = operation(endpoint, "The browser tracker, for a page's script tag", answers)
    return {**said, "tags": [_OPERATIONS]}


def _operations() -> JsonObject:
    """The edge's own paths, for probes, scrapers and readers of this document."""
    fine = record({"status": STRING}, ("status",))
    text = {"text/plain": STRING}
    listed = {
        "/healthz": ("alive", "Is it alive?", fine),
        "/readyz": ("ready", "Can it take events durably?", fine),
        "/metrics": ("metrics", "Its figures, for Prometheus", text),
        "/openapi.json": ("openapi", "This document", record({"openapi": STRING}, ("openapi",))),
    }
    found: JsonObject = {path: {"get": _script(path)} for path in PATHS}
    for path, (endpoint, summary, content) in listed.items():
        answers = {"200": answer("It is so.", content)}
        answers["405"] = answer(REASONS[405], ref("Error"))
        if path == "/readyz":
            answers["503"] = answer("Not at present.", ref("Error"))
        found[path] = {"get": {**operation(endpoint, summary, answers), "tags": [_OPERATIONS]}}
    return found
