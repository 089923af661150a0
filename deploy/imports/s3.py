"""Requests to S3 and what speaks its protocol, signed with AWS Signature Version 4.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; the tests have the
examples of that page. Without keys nothing is signed, as public buckets have it.
"""

import hashlib
import hmac
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import quote, urlsplit

from schemas.errors import Malformed, Unavailable

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
MAX_LISTING: Final = 16 << 20


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the buckets are and what lets in to them.

    Attributes:
        endpoint: of a server that is not AWS's, which has buckets as first part of the path.
    """

    key: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    region: str = "us-east-1"
    endpoint: str = ""
    now: Callable[[], datetime] = _now

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables that AWS's own tools read.

        Raises:
            Malformed: ``s3-keys-incomplete``, ``address-unsupported``.
        """
        key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
        if bool(key) != bool(secret):
            message = "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither"
            raise Malformed("s3-keys-incomplete", message)
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL", "")
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise Malformed("address-unsupported", "AWS_ENDPOINT_URL begins with http(s)://")
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        token = environ.get("AWS_SESSION_TOKEN", "")
        return cls(key, secret, token, region, endpoint.rstrip("/"))

    def get(self, bucket: str, key: str) -> urllib.request.Request:
        """Ask for an object."""
        return self.request(bucket, key, {})

    def list(self, bucket: str, prefix: str, after: str) -> urllib.request.Request:
        """Ask which objects there are, from where the last answer ended."""
        query = {"list-type": "2", "prefix": prefix}
        return self.request(bucket, "", query | ({"continuation-token": after} if after else {}))

    def request(
        self,
        bucket: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> urllib.request.Request:
        """Make a GET, signed where there are keys.

        Args:
            headers: in lower case, signed as well.
        """
        path = f"/{quote(key, safe='/~')}"
        if self.endpoint:
            base, path = self.endpoint, f"/{bucket}{path}"
        else:
            base = f"https://{bucket}.{self._host()}"
        pairs = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in query.items())
        text = "&".join(f"{name}={value}" for name, value in pairs)
        signed = {"host": urlsplit(base).netloc, **(headers or {})}
        signed |= self._signature(urlsplit(base).path + path, text, signed)
        url = f"{base}{path}" + (f"?{text}" if text else "")
        return urllib.request.Request(url, headers=signed)  # noqa: S310 - http(s), see above

    def _host(self) -> str:
        return (
            f"s3.{self.region}.amazonaws.com" if self.region != "us-east-1" else "s3.amazonaws.com"
        )

    def _signature(self, path: str, query: str, headers: Mapping[str, str]) -> dict[str, str]:
        if not self.key:
            return {}
        stamp = self.now().strftime("%Y%m%dT%H%M%SZ")
        added = {"x-amz-date": stamp, "x-amz-content-sha256": _NOTHING}
        if self.token:
            added["x-amz-security-token"] = self.token
        every = sorted({**headers, **added}.items())
        names = ";".join(name for name, _ in every)
        lines = "".join(f"{name}:{value.strip()}\n" for name, value in every)
        canonical = f"GET\n{path}\n{query}\n{lines}\n{names}\n{_NOTHING}"
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        credential = f"Credential={self.key}/{scope}"
        said = f"{_ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"
        return {**added, "authorization": said}


def listed(answer: bytes) -> tuple[list[tuple[str, int]], str | None]:
    """Read a listing: keys with their bytes, and where the next begins, None for no more.

    Raises:
        Unavailable: ``file-unreadable``.
    """
    if len(answer) > MAX_LISTING or b"<!DOCTYPE" in answer or b"<!ENTITY" in answer:
        raise Unavailable("file-unreadable", "the bucket's listing is none")
    try:
        root = ET.fromstring(answer)  # noqa: S314 - without entities, see above
    except ET.ParseError as error:
        raise Unavailable("file-unreadable", f"the bucket's listing is none: {error}") from error
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    found = [
        (each.findtext(f"{space}Key", ""), int(each.findtext(f"{space}Size", "0") or "0"))
        for each in root.iter(f"{space}Contents")
    ]
    more = root.findtext(f"{space}NextContinuationToken", "")
    return found, more or None
