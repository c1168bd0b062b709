"""TLS: the service's certificate is checked before anything is sent."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading

import pandas as pd
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mmembed import Embedder
from mmembed.errors import ServiceError

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def certificate(tmp_path):
    """Return the file of a key and its certificate for 127.0.0.1, which nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure(certificate, monkeypatch):
    """Return what arrived, in clear, at a TLS server that embeds every text as the same vector."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    arrived: list[bytes] = []
    vector = {"output": {"embeddings": [{"index": 0, "embedding": [1.0] * 256, "type": "text"}]}, "request_id": "r"}
    body = json.dumps(vector).encode()

    def serve():
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return  # the test is over
            try:
                with context.wrap_socket(raw, server_side=True) as connection:
                    arrived.append(connection.recv(65_536))
                    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                    connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
            except OSError:
                raw.close()  # the client did not believe the certificate

    thread = threading.Thread(target=serve)
    thread.start()
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", f"https://127.0.0.1:{listener.getsockname()[1]}/api/v1")
    yield arrived
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def embed():
    """Embed one text without a cache."""
    return Embedder(model="qwen3-vl-embedding", dimension=256, cache=None).embed(pd.Series(["dress"]), "text")


def test_a_server_without_a_good_certificate_gets_nothing(secure, monkeypatch):
    """The run stops at once, says why, and neither key nor contents were sent."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with pytest.raises(ServiceError, match="certificate") as error:
        embed()
    assert "REQUESTS_CA_BUNDLE" in str(error.value)
    assert KEY not in str(error.value)
    assert secure == []


def test_a_certificate_that_the_environment_names_is_believed(secure, certificate, monkeypatch):
    """REQUESTS_CA_BUNDLE makes the same server a good one."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert embed().vectors.notna().all()
    assert f"Bearer {KEY}".encode() in secure[0]
