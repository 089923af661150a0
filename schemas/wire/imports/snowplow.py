"""Snowplow's enriched events: tab-separated values of 131 columns without a header.

https://docs.snowplow.io/docs/fundamentals/canonical-event/ and, for the order of the columns,
https://docs.snowplow.io/docs/pipeline/enriched-tsv-format/
"""

from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.events import Event, Kind
from schemas.reading import JsonObject, inside
from schemas.wire.imports.mapped import Mapped, details, moment, name_of, unpacked
from schemas.wire.imports.plan import Plan

COLUMNS: Final = """\
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id
name_tracker v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint
domain_userid domain_sessionidx network_userid geo_country geo_region geo_city geo_zipcode
geo_latitude geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed
page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath
refr_urlquery refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source
mkt_term mkt_content mkt_campaign contexts se_category se_action se_label se_property
se_value unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city
tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family
br_version br_type br_renderengine br_lang br_features_pdf br_features_flash
br_features_java br_features_director br_features_quicktime br_features_realplayer
br_features_windowsmedia br_features_gears br_features_silverlight br_cookies br_colordepth
br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type
dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height
tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base
base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp
refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid derived_tstamp
event_vendor event_name event_format event_version event_fingerprint true_tstamp
""".split()  # noqa: SIM905 - 131 lines otherwise
_KINDS: Final[dict[str, Kind]] = {"page_view": "page"}
_NAMES: Final = {"pp": "page_ping", "pv": "page_view"}
_LEAST: Final = COLUMNS.index("event_id") + 1
_OF_KIND: Final = ("se_", "tr_", "ti_", "pp_")
"""Columns that say what happened, each for its kind of event."""
_ENTITIES: Final = "contexts_"
_ITSELF: Final = "unstruct_event_"
"""Columns by schema, as the analytics SDKs and warehouses have them."""
_KEPT: Final = (
    "app_id",
    "name_tracker",
    "v_collector",
    "v_etl",
    "txn_id",
    "domain_sessionidx",
    "network_userid",
    "geo_zipcode",
    "geo_latitude",
    "geo_longitude",
    "refr_medium",
    "refr_source",
    "refr_term",
    "mkt_clickid",
    "mkt_network",
)
_NUMBERS: Final = ("se_value", "tr_total", "tr_tax", "tr_shipping", "ti_price", "ti_quantity")


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row: a list of cells, or an object as the analytics SDKs make it.

    Raises:
        Malformed: list-type, missing, string-too-long or time-invalid.
    """
    row = _row(body)
    unstructured = inside(unpacked(row.get("unstruct_event")), "data")
    name = row.get("event_name") or row.get("event")
    if name == "event" and row.get("se_action"):  # a structured event: named by its action
        name = row["se_action"]
    name = name_of(_NAMES.get(str(name), name), "event_name")
    user = str(row.get("user_id") or "")
    device = str(row.get("domain_userid") or row.get("network_userid") or "")
    event = Event(
        _KINDS.get(name, "track"),
        name,
        event_time=moment(_when(row), "collector_tstamp", plan.began or None),
        sent_at=moment(row.get("dvce_sent_tstamp"), "dvce_sent_tstamp"),
        user_id=user,
        anonymous_id=device,
        properties=_properties(row) | inside(unstructured, "data") | _itself(row),
        context=_context(row, unstructured),
        details=_details(row),
        profiled=bool(user or device),
    )
    session = str(row.get("domain_sessionid") or "")
    return Mapped(event, message_id=str(row.get("event_id") or ""), session_id=session)


def _row(body: Any) -> JsonObject:
    if type(body) is dict:
        return {name: value for name, value in body.items() if value not in (None, "")}
    if type(body) is not list or len(body) < _LEAST:
        message = f"an enriched event has {len(COLUMNS)} columns, separated by tabs"
        raise Malformed("list-type", message, where=("body",))
    pairs = zip(COLUMNS, body, strict=False)
    return {name: cell for name, cell in pairs if type(cell) is str and cell}


def _when(row: JsonObject) -> Any:
    for name in ("true_tstamp", "derived_tstamp", "collector_tstamp", "dvce_created_tstamp"):
        if row.get(name):
            return row[name]
    return None


def _properties(row: JsonObject) -> JsonObject:
    found: JsonObject = {}
    for name, value in row.items():
        if name.startswith(_OF_KIND) and name not in {"tr_city", "tr_state", "tr_country"}:
            found[name] = _number(value) if name in _NUMBERS else value
    return found


def _number(value: Any) -> Any:
    try:
        parsed = codec.loads(value) if type(value) is str else value
    except Malformed:
        return value
    return parsed if type(parsed) is int or type(parsed) is float else value


def _context(row: JsonObject, unstructured: JsonObject) -> JsonObject:
    """Keep the entities, each list by the name of its schema, and who collected the event."""
    found: JsonObject = {}
    if type(unstructured.get("schema")) is str:
        found["schema"] = unstructured["schema"]
    for column in ("contexts", "derived_contexts"):
        entities = unpacked(row.get(column))
        held = entities.get("data") if type(entities) is dict else None
        for entity in held if type(held) is list else ():
            if type(entity) is dict and type(entity.get("schema")) is str:
                found.setdefault(_schema_name(entity["schema"]), []).append(entity.get("data"))
    for column, value in row.items():
        held = unpacked(value) if column.startswith(_ENTITIES) else None
        if type(held) is list and held:
            found[column.removeprefix(_ENTITIES)] = held
    return found | {name: row[name] for name in _KEPT if row.get(name)}


def _itself(row: JsonObject) -> JsonObject:
    """Find what happened in the column of its schema."""
    for column, value in row.items():
        held = unpacked(value) if column.startswith(_ITSELF) else None
        if type(held) is dict:
            return held
    return {}


def _schema_name(iglu: str) -> str:
    """``iglu:com.acme/purchase/jsonschema/1-0-0`` -> ``com.acme/purchase``."""
    return "/".join(iglu.removeprefix("iglu:").split("/")[:2])


def _details(row: JsonObject) -> dict[str, str]:
    width, height = row.get("dvce_screenwidth"), row.get("dvce_screenheight")
    return details(
        row.get("page_url"),
        title=row.get("page_title"),
        referrer=row.get("page_referrer"),
        ip=row.get("user_ipaddress"),
        user_agent=row.get("useragent"),
        utm_source=row.get("mkt_source"),
        utm_medium=row.get("mkt_medium"),
        utm_campaign=row.get("mkt_campaign"),
        utm_term=row.get("mkt_term"),
        utm_content=row.get("mkt_content"),
        country=row.get("geo_country"),
        region=row.get("geo_region_name"),
        city=row.get("geo_city"),
        browser=row.get("br_family"),
        browser_version=row.get("br_version"),
        os=row.get("os_family"),
        device_type=row.get("dvce_type"),
        screen=f"{width}x{height}" if width and height else "",
        locale=row.get("br_lang"),
        timezone=row.get("os_timezone"),
        channel=row.get("platform"),
        library=(row.get("v_tracker") or ""),
    )
