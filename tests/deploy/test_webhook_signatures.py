"""Signatures as ten senders make them, out of the declarations of their templates."""

import base64
import hashlib
import hmac
import json
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from deploy.webhooks.admitting import verify_key
from deploy.webhooks.templates import declared
from schemas.errors import Malformed, Refused
from schemas.signatures import Signature, check, check_secret
from schemas.signing import verify
from schemas.vendor import Request
from schemas.webhook_fields import signature_of

NOW: Final = 1_790_000_000
KEY: Final = "secret-of-the-sender"
BODY: Final = b'{"a":"\xc3\xa9"}'
CURVE: Final = ec.derive_private_key(7, ec.SECP256R1())
PUBLIC: Final = base64.b64encode(
    CURVE.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()


def digest(signed: bytes, algorithm: str = "sha256", key: str = KEY) -> bytes:
    return hmac.new(key.encode(), signed, algorithm).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def request(body: bytes = BODY, query: Any = None, method: str = "POST", **headers: str) -> Request:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return Request("collect", method, {}, query or {}, given, body, "", NOW * 1000)


MAILGUN: Final = json.dumps(
    {"signature": {"timestamp": str(NOW), "token": "t", "signature": digest(b"%dt" % NOW).hex()}}
).encode()
ECDSA: Final = CURVE.sign(str(NOW).encode() + BODY, ec.ECDSA(hashes.SHA256()))
TWILIO: Final = digest(b"https://in.example/hook?write_key=wkA1B2+", "sha1")
SIGNED: Final = {
    "stripe": request(stripe_signature=f"t={NOW},v1={digest(b'%d.' % NOW + BODY).hex()},v0=00"),
    "github": request(x_hub_signature_256=f"sha256={digest(BODY).hex()}"),
    "slack": request(
        x_slack_signature=f"v0={digest(b'v0:%d:' % NOW + BODY).hex()}",
        x_slack_request_timestamp=str(NOW),
    ),
    "shopify": request(x_shopify_hmac_sha256=b64(digest(BODY))),
    "segment": request(x_signature=digest(BODY, "sha1").hex()),
    "typeform": request(typeform_signature=f"sha256={b64(digest(BODY))}"),
    "intercom": request(x_hub_signature=f"sha1={digest(BODY, 'sha1').hex()}"),
    "mailgun": request(MAILGUN),
    "sendgrid": request(
        x_twilio_email_event_webhook_signature=b64(ECDSA),
        x_twilio_email_event_webhook_timestamp=str(NOW),
    ),
    "twilio": request(
        b"B=2%2B&A=1",
        {"write_key": ["wk"]},
        x_twilio_signature=b64(TWILIO),
        x_forwarded_proto="https",
        host="in.example",
        content_type="application/x-www-form-urlencoded",
    ),
}


def verified(name: str, sent: Request, *secrets: str) -> str:
    """Say with what code a request is refused; "" where it is not."""
    signature = signature_of(declared(name)["signature"])
    assert signature is not None
    try:
        verify(
            signature,
            secrets or (PUBLIC if name == "sendgrid" else KEY,),
            sent,
            "/hook",
            verify_key,
        )
    except Refused as error:
        return error.code if error.status == 401 else str(error.status)
    return ""


@pytest.mark.parametrize("name", SIGNED)
def test_a_sender_is_believed_and_nobody_else(name: str) -> None:
    sent = SIGNED[name]
    assert not verified(name, sent)
    assert not verified(name, sent, "another", PUBLIC if name == "sendgrid" else KEY)
    assert verified(name, sent, "another") == "signature-wrong"
    bare = Request("collect", "POST", {}, {}, {}, b"{}", "", sent.received_at)
    assert verified(name, bare) == "signature-missing"
    if name != "mailgun":  # whose signature is of a token, and not of the body
        changed = Request(
            "collect", "POST", {}, sent.query, sent.headers, sent.body + b"&C=", "", NOW * 1000
        )
        assert verified(name, changed) == "signature-wrong"


@pytest.mark.parametrize("name", ["stripe", "slack", "mailgun", "sendgrid"])
@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_what_was_signed_at_another_time_is_refused(name: str, seconds: int) -> None:
    sent = SIGNED[name]
    at = (NOW + seconds) * 1000
    old = Request("collect", "POST", {}, sent.query, sent.headers, sent.body, "", at)
    assert verified(name, old) == "signature-expired"


def test_other_conventions() -> None:
    plain = Signature("header:x-token", algorithm="plain")
    verify(plain, (KEY,), request(x_token=KEY), "/", verify_key)
    bearer = Signature("header:authorization", algorithm="plain")
    verify(bearer, (KEY,), request(authorization=f"Bearer {KEY}"), "/", verify_key)
    standard = Signature(
        "header:webhook-signature",
        encoding="base64",
        signed="{header:webhook-id}.{timestamp}.{body}",
        timestamp="header:webhook-timestamp",
        tolerance=300,
        key_encoding="base64",
    )
    check_secret(standard, "whsec_c2VjcmV0")
    made = hmac.new(b"secret", b"m1.%d." % NOW + BODY, hashlib.sha256).digest()
    sent = request(webhook_id="m1", webhook_timestamp=str(NOW), webhook_signature=b64(made))
    verify(standard, ("whsec_c2VjcmV0",), sent, "/", verify_key)
    with pytest.raises(Malformed):
        check_secret(standard, "whsec_!")


def test_a_body_is_held_against_the_digest_that_was_signed() -> None:
    query = {"bodySHA256": [hashlib.sha256(BODY).hexdigest()]}
    address = f"http://in.example/hook?bodySHA256={query['bodySHA256'][0]}"
    signed = b64(digest(address.encode(), "sha1"))
    for body, code in ((BODY, ""), (b"{}", "signature-wrong")):
        sent = request(body, query, x_twilio_signature=signed, host="in.example")
        assert verified("twilio", sent) == code


def test_keys_that_are_none_verify_nothing() -> None:
    for key in ("", "no key", "-----BEGIN PUBLIC KEY-----\nAA\n", b64(b"DER")):
        assert not verify_key(key, ECDSA, str(NOW).encode() + BODY)
    assert not verify_key(PUBLIC, b"no DER", BODY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "cookie:x"},
        {"at": "header:x", "algorithm": "md5"},
        {"at": "header:x", "signed": "{what}"},
        {"at": "header:x", "signed": "{timestamp}"},
        {"at": "header:x", "tolerance": 5},
        {"at": "header:x", "tolerance": -1, "timestamp": "header:t"},
        {"at": "header:x", "key_encoding": "rot13"},
        {"at": 5},
        {"at": "header:x", "field": "x" * 65},
        {"at": "header:x", "signed": "x" * 501},
        {},
        {"at": "header:x", "header": "y"},
        "header:x",
    ],
)
def test_declarations_that_cannot_be(wrong: Any) -> None:
    with pytest.raises(Malformed) as caught:
        signature_of(wrong)
    assert caught.value.code == "webhook-invalid"


@given(
    st.sampled_from(sorted(SIGNED)),
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from(["x-signature", "stripe-signature", "content-type"]), st.text()
    ),
)
def test_nothing_but_a_refusal_leaves(name: str, body: bytes, headers: dict[str, str]) -> None:
    sent = Request("collect", "POST", {}, {}, headers, body, "", NOW * 1000)
    assert verified(name, sent)


def test_a_declaration_is_checked_whole() -> None:
    check(Signature("json:a.b", signed="{json:a.c}{form:d}{method}{query:e}"))
