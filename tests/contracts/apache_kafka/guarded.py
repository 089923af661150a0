"""A second door to the node: TLS both ways, and a password behind it."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USERNAME = "bridge"
PASSWORD = "hush-0123456789"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGIN = "org.apache.kafka.common.security"
_SCRAM = f"{_LOGIN}.scram.ScramLoginModule required;"
_PREFIX = "listener.name.guarded."


@dataclass(frozen=True)
class Guarded:
    """What a client has to know; all but the address is PEM."""

    address: str
    ca: str
    certificate: str
    key: str


def make(directory: Path, address: str) -> Guarded:
    """Make certificates for node and client, and write down the node's."""
    now = datetime.now(UTC)

    def certificate(
        name: str, signer: ec.EllipticCurvePrivateKey, issuer: str, *, is_ca: bool
    ) -> tuple[ec.EllipticCurvePrivateKey, str]:
        key = signer if is_ca else ec.generate_private_key(ec.SECP256R1())
        place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = (
            x509.CertificateBuilder(_name(issuer), _name(name), key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(place, critical=False)
        )
        return key, _text(builder.sign(signer, hashes.SHA256()))

    authority, ca = certificate("ca", ec.generate_private_key(ec.SECP256R1()), "ca", is_ca=True)
    node_key, node = certificate("node", authority, "ca", is_ca=False)
    client_key, client = certificate("client", authority, "ca", is_ca=False)
    (directory / "node.pem").write_text(_private(node_key) + node)
    (directory / "ca.pem").write_text(ca)
    return Guarded(address, ca, client, _private(client_key))


def properties(directory: Path) -> dict[str, str]:
    """What the node is to be told of its door."""
    plain = f'{_LOGIN}.plain.PlainLoginModule required user_{USERNAME}="{PASSWORD}";'
    said = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(directory / "node.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(directory / "ca.pem"),
        "ssl.client.auth": "required",
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "plain.sasl.jaas.config": plain,
        "scram-sha-256.sasl.jaas.config": _SCRAM,
        "scram-sha-512.sasl.jaas.config": _SCRAM,
    }
    return {_PREFIX + name: value for name, value in said.items()}


def users() -> list[str]:
    """Options of the storage tool that add the user."""
    found = [name for name in MECHANISMS if name.startswith("SCRAM")]
    return [f"--add-scram={name}=[name={USERNAME},password={PASSWORD}]" for name in found]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
