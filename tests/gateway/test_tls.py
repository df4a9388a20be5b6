"""TLS: a gateway that can't prove who it is gets no credentials."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer

from airflow_provider_mysmpp.gateway.errors import UnavailableError
from tests.gateway.support import client_of, failure_of, messages
from tests.gateway.wire import WireServer, hang_up, http

ANSWER = b'{"information":[{"state":"send","id_sms":77}]}'


class Certificate(NamedTuple):
    """Files of a certificate that signs itself."""

    public: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that no authority has signed."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return Certificate(public, context)


@pytest.fixture(autouse=True)
def no_bundle_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No authorities but the ones that a test names."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(certificate: Certificate) -> Iterator[WireServer]:
    """A gateway behind TLS."""
    with WireServer(http(ANSWER), context=certificate.context) as running:
        yield running


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(server: WireServer) -> None:
    error = failure_of(client_of(server.url, attempts=2))

    assert isinstance(error, UnavailableError)
    assert "the TLS connection failed (SSLError)" in str(error)
    assert (error.maybe_sent, error.repeatable) == (False, True)
    assert server.requests == []


def test_a_certificate_for_another_name_is_refused(certificate: Certificate, server: WireServer) -> None:
    error = failure_of(client_of(server.url.replace("127.0.0.1", "localhost"), verify=str(certificate.public)))

    assert isinstance(error, UnavailableError)
    assert not error.maybe_sent
    assert server.requests == []


def test_a_bundle_with_the_certificate_makes_it_trusted(certificate: Certificate, server: WireServer) -> None:
    with client_of(server.url, verify=str(certificate.public)) as client:
        assert client.send(messages(1)) == [("77", None)]


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_check_that_is_turned_off_is_off_whatever_the_environment_says(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with client_of(server.url, verify=False) as client:
        assert client.send(messages(1)) == [("77", None)]


def test_an_answer_that_is_lost_within_tls_may_have_been_one(certificate: Certificate) -> None:
    with WireServer(hang_up, context=certificate.context) as server:
        error = failure_of(client_of(server.url, verify=str(certificate.public)))

    assert isinstance(error, UnavailableError)
    assert error.maybe_sent
    assert len(server.requests) == 1


def test_a_gateway_without_tls_is_not_spoken_to_in_the_clear(httpserver: HTTPServer) -> None:
    error = failure_of(client_of(httpserver.url_for("").replace("http:", "https:")))

    assert isinstance(error, UnavailableError)
    assert "the TLS connection failed" in str(error)
    assert httpserver.log == []


@pytest.mark.parametrize("source", ["parameter", "environment"])
def test_a_bundle_that_is_not_there_is_named_as_such(
    source: str, server: WireServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.pem")
    if source == "environment":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", missing)
    client = client_of(server.url, attempts=3, verify=missing if source == "parameter" else True)
    error = failure_of(client)

    assert isinstance(error, UnavailableError)
    assert "bundle of authorities" in str(error)
    assert (error.maybe_sent, error.repeatable, client.requests_made) == (False, False, 1)


def test_a_bundle_without_a_certificate_trusts_nobody(server: WireServer, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    error = failure_of(client_of(server.url, verify=str(empty)))

    assert isinstance(error, UnavailableError)
    assert server.requests == []
