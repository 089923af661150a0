"""Bodies of ``/event/collect`` and ``/event/batch`` as records of a topic."""

from schemas import codec
from schemas.carriage import CARRIED, Carriage
from schemas.reading import as_object, parse
from schemas.vendor import Request


def carried(record: Carriage) -> Request:
    """Take the body of a request, one event, or an array of events; with a key or without.

    A checksum is not looked at: it is over the body as it was sent.

    Raises:
        Malformed: missing, json-invalid or dict-type.
    """
    body = parse(record.value)
    body = {"events": body} if type(body) is list else dict(as_object(body, ("body",)))
    api = body.get("api")
    known = api if type(api) is dict else {}
    body["api"] = {name: value for name, value in known.items() if name != "checksum"}
    body["api"]["api_key"] = CARRIED
    return record.request("batch" if "events" in body else "collect", codec.dumps(body))
