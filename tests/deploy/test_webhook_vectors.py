"""Signatures that others made, held against what the templates declare.

Published ones: GitHub's and Slack's of their documents (``Validating webhook deliveries``,
``Verifying requests from Slack``), Twilio's of twilio-python
(``tests/unit/test_request_validator.py``), SendGrid's of sendgrid-python
(``test/unit/test_eventwebhook.py``), and that of Standard Webhooks' libraries. Stripe's was
made with stripe-python, those of a body alone and Mailgun's with OpenSSL.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import pytest

from deploy.webhooks.admitting import verify_key
from deploy.webhooks.templates import NAMES, declared
from schemas.errors import Refused
from schemas.signatures import Signature
from schemas.signing import verify
from schemas.vendor import Request
from schemas.webhook_fields import signature_of

BODY: Final = '{"id":1,"name":"Zoë"}'
HMAC: Final = "eFaMWnXboPaLEOVYvixci6oLAAtIHgQt3lTRLKfl5/k="
SHA1: Final = "57cbcb44798111de875322d2e17c39d32f5fd03b"
FORM: Final = "application/x-www-form-urlencoded"
SLACK: Final = (
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SENDGRID: Final = (
    '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    '"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    '"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    '"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>",'
    '"timestamp":1600112492}]\r\n'
)
CALL: Final = (
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    "&Caller=%2B14158675309"
)
DIGEST: Final = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


class Sent(NamedTuple):
    """A request that was signed by somebody else; ``at`` is when it came, Unix s."""

    name: str
    secret: str
    body: str
    headers: Mapping[str, str]
    at: int = 0
    query: Mapping[str, str] = {}


def twilio(
    signature: str,
    body: str = CALL,
    host: str = "mycompany.com",
    scheme: str = "https",
    label: str = FORM,
    **query: str,
) -> Sent:
    headers = {"x-forwarded-proto": scheme, "host": host, "content-type": label}
    given = {"foo": "1", "bar": "2", **query}
    return Sent("twilio", "12345", body, {**headers, "x-twilio-signature": signature}, 0, given)


VECTORS: Final = {
    "github": Sent(
        "github",
        "It's a Secret to Everybody",
        "Hello, World!",
        {
            "x-hub-signature-256": "sha256="
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        },
    ),
    "slack": Sent(
        "slack",
        "8f742231b10e8888abcd99yyyzzz85a5",
        SLACK,
        {
            "x-slack-signature": "v0="
            "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            "x-slack-request-timestamp": "1531420618",
        },
        1531420618,
    ),
    "sendgrid": Sent(
        "sendgrid",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62g"
        "w+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
        SENDGRID,
        {
            "x-twilio-email-event-webhook-signature": "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0"
            "u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
            "x-twilio-email-event-webhook-timestamp": "1600112502",
        },
        1600112502,
    ),
    "twilio": twilio("RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    "twilio, port left out": twilio("RSOYDt4T1cUTdK1PDd93/VVr8B8=", host="mycompany.com:1234"),
    "twilio, port": twilio("Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", CALL, "mycompany.com:1234", "http"),
    "twilio, port 443": twilio("kvajT1Ptam85bY51eRf/AJRuM3w="),
    "twilio, port 80": twilio("0ZXoZLH/DfblKGATFgpif+LLRf4=", scheme="http"),
    "twilio, a field twice": twilio(
        "IK+Dwps556ElfBT0I3Rgjkr1wJU=", "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234"
    ),
    "twilio, JSON": twilio(
        "a9nBmqA0ju/hNViExpshrM61xv4=",
        '{"property": "value", "boolean": true}',
        label="application/json",
        bodySHA256=DIGEST,
    ),
    "stripe": Sent(
        "stripe",
        "whsec_OnlyForThisTest",
        '{"id":"evt_1","object":"event","name":"Zoë"}',
        {
            "stripe-signature": "t=1760090401,v1="
            "6228eace535b6e5150bf072d3951ddba4f280d1e27c9f6106fad0233d91fe61a,v0=00"
        },
        1760090401,
    ),
    "shopify": Sent("shopify", "shop-secret", BODY, {"x-shopify-hmac-sha256": HMAC}),
    "typeform": Sent("typeform", "shop-secret", BODY, {"typeform-signature": f"sha256={HMAC}"}),
    "intercom": Sent("intercom", "shop-secret", BODY, {"x-hub-signature": f"sha1={SHA1}"}),
    "segment": Sent("segment", "shop-secret", BODY, {"x-signature": SHA1}),
    "mailgun": Sent(
        "mailgun",
        "signing-key",
        '{"signature":{"timestamp":"1529006854","token":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","signature":'
        '"e37508a7ff2d24d41c74296e6f848df374d8991c0a77cd3cdcf24a1c25552d15"},"event-data":{}}',
        {},
        1529006854,
    ),
}


def request_of(sent: Sent, body: str) -> Request:
    query = {name: [text] for name, text in sent.query.items()}
    return Request("collect", "POST", {}, query, sent.headers, body.encode(), "", sent.at * 1000)


@pytest.mark.parametrize("name", VECTORS)
def test_a_signature_that_another_made(name: str) -> None:
    sent = VECTORS[name]
    signature = signature_of(declared(sent.name)["signature"])
    assert signature is not None
    verify(signature, (sent.secret,), request_of(sent, sent.body), "/myapp.php", verify_key)
    changed = sent.body.replace("1", "2").replace("World", "Moon").replace("value", "other")
    with pytest.raises(Refused, match="sign"):
        verify(signature, (sent.secret,), request_of(sent, changed), "/myapp.php", verify_key)


def test_every_template_has_a_vector() -> None:
    assert {sent.name for sent in VECTORS.values()} == set(NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,BBBB",
    ],
)
def test_standard_webhooks(text: str) -> None:
    signature = Signature(
        "header:webhook-signature",
        field="v1",
        encoding="base64",
        signed="{header:webhook-id}.{timestamp}.{body}",
        timestamp="header:webhook-timestamp",
        tolerance=300,
        key_encoding="base64",
    )
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": text,
    }
    sent = Sent("", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "", headers, 1614265330)
    body = '{"test": 2432232314}'
    verify(signature, (sent.secret,), request_of(sent, body), "/", verify_key)
    with pytest.raises(Refused, match="no secret"):
        verify(signature, (sent.secret,), request_of(sent, f"{body} "), "/", verify_key)
