"""TLS to the database: who may vouch for it, and what a client says before it knows."""

import datetime as dt
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from huntaze import clients, db
from huntaze.settings import DatabaseSettings

_TLS_REQUEST = struct.pack("!ii", 8, 80877103)


class Authority:
    """Signs certificates of servers."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self._name, self._key, ca=True)

    def server(self, folder: Path, host: str) -> ssl.SSLContext:
        """What a server called ``host`` shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        (folder / "server.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + self._sign(name, key, ca=False, host=host)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return context

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool, host: str = ""
    ) -> bytes:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if host:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def serve() -> Iterator[Callable[[ssl.SSLContext | None], tuple[int, list[bytes]]]]:
    """Starts a server that speaks as Postgres does until it has heard who wants to log in."""
    listeners = []

    def start(context: ssl.SSLContext | None) -> tuple[int, list[bytes]]:
        heard: list[bytes] = []
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def attend() -> None:
            client, _ = listener.accept()
            with client:
                first = client.recv(8)
                if first != _TLS_REQUEST:
                    heard.append(first)
                elif context is None:
                    client.sendall(b"N")
                    heard.append(client.recv(4096))
                else:
                    client.sendall(b"S")
                    try:
                        with context.wrap_socket(client, server_side=True) as secured:
                            heard.append(secured.recv(4096))
                    except (ssl.SSLError, OSError):
                        heard.append(b"")

        thread = threading.Thread(target=attend, daemon=True)
        thread.start()
        return listener.getsockname()[1], heard

    yield start
    for listener in listeners:
        listener.close()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], str]:
    """Connects as a function does; returns why it failed."""
    monkeypatch.setattr(clients, "secret_json", lambda _: {"username": "app", "password": "x"})

    def attempt(port: int, mode: str) -> str:
        settings = DatabaseSettings(
            database_host="localhost",
            database_port=port,
            database_name="huntaze",
            database_tls=mode,
            database_secret_arn="-",
        )
        with pytest.raises(psycopg.OperationalError) as failure:
            db.connect(settings)
        return str(failure.value)

    return attempt


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Authority:
    """The one that clients know."""
    made = Authority("Known")
    (tmp_path / "roots.pem").write_bytes(made.certificate)
    monkeypatch.setattr(db, "CERTIFICATE_AUTHORITIES", tmp_path / "roots.pem")
    return made


def test_a_server_that_a_known_authority_vouches_for_is_told_who_comes(
    authority: Authority, serve: Callable, connect: Callable, tmp_path: Path
) -> None:
    port, heard = serve(authority.server(tmp_path, "localhost"))
    connect(port, "verify-full")
    assert b"user\0app\0" in heard[0]


@pytest.mark.usefixtures("authority")
def test_a_server_of_another_authority_hears_nothing(
    serve: Callable, connect: Callable, tmp_path: Path
) -> None:
    port, heard = serve(Authority("Unknown").server(tmp_path, "localhost"))
    assert "certificate verify failed" in connect(port, "verify-full")
    assert heard in ([], [b""])


def test_a_server_of_another_name_hears_nothing(
    authority: Authority, serve: Callable, connect: Callable, tmp_path: Path
) -> None:
    port, heard = serve(authority.server(tmp_path, "elsewhere.example"))
    assert "does not match host name" in connect(port, "verify-full")
    assert heard in ([], [b""])


@pytest.mark.usefixtures("authority")
def test_a_server_without_tls_hears_nothing(serve: Callable, connect: Callable) -> None:
    port, heard = serve(None)
    assert "does not support SSL" in connect(port, "verify-full")
    assert heard in ([], [b""])


def test_the_roots_are_those_of_rds_and_of_amazons_public_authority() -> None:
    roots = x509.load_pem_x509_certificates(db.CERTIFICATE_AUTHORITIES.read_bytes())
    names = {
        str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) for root in roots
    }
    assert len(names) == len(roots)
    public = {f"Amazon Root CA {number}" for number in range(1, 5)}
    regions = {name for name in names if name.startswith("Amazon RDS ")}
    assert names - regions == public
    assert "Amazon RDS us-east-1 Root CA RSA2048 G1" in regions
    assert all(name.endswith(" Root CA RSA2048 G1") for name in regions)
    assert not [name for name in names if "Beta" in name or "Preview" in name]
    for root in roots:
        root.verify_directly_issued_by(root)
        assert root.not_valid_after_utc > dt.datetime(2035, 1, 1, tzinfo=dt.UTC)
