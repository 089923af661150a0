"""Rakam's paths."""

from typing import Final

from schemas.vendor import Route

MAX_BATCH_BYTES: Final = 500_000
"""Above it 413, which makes every tracker halve its batch."""
MAX_CALL_BYTES: Final = 1 << 20

EVENTS: Final = ("collect", "batch", "bulk", "copy", "pixel")
"""Endpoints whose raw events are event objects; "copy" is stored without mapping."""


def _call(path: str, endpoint: str, *methods: str) -> Route:
    return Route(path, endpoint, methods, max_bytes=MAX_CALL_BYTES, purpose="call")


ROUTES: tuple[Route, ...] = (
    Route("/event/collect", "collect"),
    Route("/event/batch", "batch", max_bytes=MAX_BATCH_BYTES),
    Route("/event/bulk", "bulk"),
    Route("/event/copy", "copy"),
    Route("/event/bulk/remote", "remote"),
    Route("/event/pixel", "pixel", ("GET", "POST")),
    Route("/user/set_properties", "set_properties"),
    Route("/user/set_properties_once", "set_properties_once"),
    Route("/user/increment_property", "increment_property"),
    Route("/user/unset_properties", "unset_properties"),
    Route("/user/batch", "user_batch"),
    Route("/user/batch_operations", "user_batch_operations"),
    Route("/user/create", "user_create"),
    Route("/user/batch/create", "user_batch_create"),
    Route("/user/merge", "user_merge"),
    _call("/user/get_events", "user_get_events", "POST"),
    _call("/user/get", "user_get", "POST"),
    _call("/user/search", "user_search", "POST"),
    _call("/user/metadata", "user_metadata", "GET"),
    _call("/project/create", "project_create", "POST"),
    _call("/project/list", "project_list", "GET", "POST"),
    _call("/project/schema", "project_schema", "GET", "POST"),
    _call("/project/schema/add", "project_schema_add", "POST"),
    _call("/project/collection", "project_collection", "GET", "POST"),
    _call("/project/create-api-keys", "project_create_keys", "POST"),
    _call("/project/check-api-keys", "project_check_keys", "POST"),
    _call("/project/revoke-api-keys", "project_revoke_keys", "POST"),
    _call("/project/delete", "project_delete", "DELETE", "POST"),
)
