"""A broker that wants TLS, a login and rights, and an Elasticsearch behind TLS: what gets in, and what is told else."""

import re
import shlex
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import create_server
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)
from pydantic import BaseModel

from consumers import archive, worker
from consumers.health import Health
from consumers.outcome import Done, Emit
from consumers.stages import STAGES, Opened, Stage
from deploy.local import broker, jre
from deploy.local.home import home_at
from deploy.local.jars import class_path
from deploy.local.supervise import RunningStack
from flows import publish
from schemas.errors import ConfigError, Unavailable
from schemas.settings import ElasticsearchSettings, KafkaSettings, Settings
from schemas.streams import DEADLETTER, STREAMS, Stream

ACLS = Path(broker.__file__).parents[1] / "security/kafka-acls.sh"
LETTERS = "correct horse"
WRONG = {"password": "c4nary"}
USERS = ("vigia-flows", "vigia-classify", "vigia-alert")
UTC_NOW = datetime.now(UTC)


class Note(BaseModel):
    schema_version: Literal[1] = 1
    text: str


NOTES = Stream("news.articles", Note, lambda n: n.text, partitions=1, retention_ms=-1)
ECHOES = Stream("news.classified", Note, lambda n: n.text, partitions=1, retention_ms=-1)
INDEXED = Stream("news.indexed", Note, lambda n: n.text, partitions=1, retention_ms=-1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority, made for one test run."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def subject(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])

    def found(self) -> "Authority":
        signed = self._signed(self.subject, self.key, x509.BasicConstraints(ca=True, path_length=None))
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return self

    def issue(self, name: str, password: bytes | None = None) -> Path:
        """A key and a certificate for 127.0.0.1 in one file; with a password, the key is encrypted."""
        key = ec.generate_private_key(ec.SECP256R1())
        host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        signed = self._signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, host)
        file = self.folder / f"{name}.pem"
        sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
        file.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
        return file

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(UTC_NOW - timedelta(days=1))
            .not_valid_after(UTC_NOW + timedelta(days=2))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self.key, hashes.SHA256())
        )


def free_ports(count: int) -> list[int]:
    held = [create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


@dataclass(frozen=True)
class Secured:
    """The broker that is up, and how one gets in."""

    login_port: int
    certificate_port: int
    authority: Authority
    stranger: Authority

    def kafka(self, user: str = "admin", **changes: Any) -> KafkaSettings:
        plain: dict[str, Any] = {
            "servers": [f"127.0.0.1:{self.login_port}"],
            "security": "SASL_SSL",
            "mechanism": "SCRAM-SHA-512",
            "username": user,
            "password": LETTERS,
            "ca_file": self.authority.file,
        }
        return KafkaSettings.model_validate({k: v for k, v in (plain | changes).items() if v is not None})


@pytest.fixture(scope="module")
def secured(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker with SCRAM and PLAIN over TLS on one port, client certificates on another, and rights by ACL."""
    home = home_at(tmp_path_factory.mktemp("secured"), stack.home.cache)
    home.create()
    authority, stranger = (Authority(home.root, name).found() for name in ("authority", "stranger"))
    login, certificate, controller = free_ports(3)
    text = broker.properties(home.data / "kafka", port=login, controller_port=controller)
    listeners = f"SASL_SSL://127.0.0.1:{login},SSL://127.0.0.1:{certificate}"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    own = {
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": authority.issue("broker"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.file,
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{plain} username="admin" password="{LETTERS}" '
        f'user_admin="{LETTERS}";',
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:ANONYMOUS;User:CN=desk",
    }
    config = home.run / "kafka.properties"
    config.write_text(
        text.replace(f"PLAINTEXT://127.0.0.1:{login}", listeners) + "".join(f"{k}={v}\n" for k, v in own.items())
    )
    users = [
        f"{mechanism}=[name={user},password={LETTERS}]"
        for user in ("admin", *USERS)
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
    ]
    jars = class_path(home.jars, "kafka")
    added = [word for user in users for word in ("--add-scram", user)]
    arguments = ("format", "--cluster-id", "c2VjdXJlZC1icm9rZXItMQ", "--config", str(config), *added)
    jre.run(
        "kafka",
        jre.command("kafka.tools.StorageTool", jars, heap_mb=256, scratch=home.scratch, arguments=arguments),
    )
    command = jre.command(
        "kafka.Kafka", jars, heap_mb=256, scratch=home.scratch, flags=broker._FLAGS, arguments=(str(config),)
    )
    with (home.logs / "kafka.log").open("w") as log:
        process = subprocess.Popen(command, env=jre.environment(), stdout=log, stderr=log)
        try:
            found = Secured(login, certificate, authority, stranger)
            deadline = time.monotonic() + 90
            while "Kafka Server started" not in (home.logs / "kafka.log").read_text():
                assert process.poll() is None, (home.logs / "kafka.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "the broker did not start"
                time.sleep(0.2)
            assert publish.ensure(found.kafka(), (NOTES, ECHOES, INDEXED, DEADLETTER))
            grant(found, ACLS.read_text())
            yield found
        finally:
            process.kill()
            process.wait(20)


def granted(script: str) -> Iterator[tuple[str, str, str, str]]:
    """Of each line of the script: user, operation, kind of resource, its name."""
    for line in script.splitlines():
        if line.startswith("allow "):
            user, *words = shlex.split(line)[1:]
            pairs = list(zip(words[::2], words[1::2], strict=True))
            operations = [value for option, value in pairs if option == "--operation"]
            resources = [(option.removeprefix("--"), value) for option, value in pairs if option != "--operation"]
            yield from ((user, operation, *resource) for operation in operations for resource in resources)


def grant(secured: Secured, script: str) -> None:
    wanted = [
        ACL(
            f"User:{user}",
            "*",
            ACLOperation[operation.upper()],
            ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType[kind.upper()], name),
        )
        for user, operation, kind, name in granted(script)
    ]
    with closing(KafkaAdminClient(**secured.kafka().client_options())) as admin:
        admin.create_acls(wanted)


@contextmanager
def open_echo(_: Settings) -> Iterator[Opened[Note]]:
    yield Opened(lambda notes: [Done(emit=(Emit(ECHOES, note),)) for note in notes])


def told(stage: Stage[Any], settings: Settings, until: str) -> str:
    """Run the worker until its trouble says so; the trouble."""
    stop, health = threading.Event(), Health()
    thread = threading.Thread(target=worker.run, args=(stage, settings), kwargs={"stop": stop, "health": health})
    thread.start()
    deadline = time.monotonic() + 40
    while until not in (health.trouble or "") and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    thread.join(40)
    assert not thread.is_alive()
    return health.trouble or ""


def test_with_the_rights_of_the_shipped_list_pieces_go_from_the_poller_through_a_worker(
    secured: Secured, tmp_path: Path
) -> None:
    with publish.Publisher(secured.kafka("vigia-flows", mechanism="SCRAM-SHA-256")) as publisher:
        assert publisher.send(NOTES, [Note(text="one"), Note(text="two")]).acked == ("one", "two")
    secret = tmp_path / "password"
    secret.write_text(LETTERS + "\n")
    kafka = secured.kafka("vigia-classify", password=None, password_file=secret)
    stage = Stage("classify", NOTES, open_echo, STAGES["classify"].group)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stage, Settings(kafka=kafka)), kwargs={"stop": stop})
    thread.start()
    try:
        deadline = time.monotonic() + 40
        while publish.depth(secured.kafka(), ECHOES) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        stop.set()
        thread.join(40)
    assert publish.depth(secured.kafka(mechanism="PLAIN"), ECHOES) == 2
    assert publish.lag(secured.kafka("vigia-flows"), stage.group, NOTES) == 0


def test_a_part_may_do_no_more_than_its_work(secured: Secured) -> None:
    kafka = secured.kafka("vigia-alert")
    with publish.Publisher(kafka) as publisher, pytest.raises(Unavailable, match="TopicAuthorizationFailed"):
        publisher.send(NOTES, [Note(text="forged")])
    assert publish.depth(secured.kafka(), NOTES) == 2


def test_a_certificate_of_ours_gets_in_and_its_key_is_opened_by_the_password(secured: Secured) -> None:
    desk = secured.authority.issue("desk", password=b"sesame")
    changes: dict[str, Any] = {
        "servers": [f"127.0.0.1:{secured.certificate_port}"],
        "security": "SSL",
        "mechanism": None,
        "username": None,
        "password": None,
        "certificate_file": desk,
        "key_password": "sesame",
    }
    assert publish.depth(secured.kafka(**changes), ECHOES) == 2
    with pytest.raises(ConfigError, match=r"kafka\.certificate_file"):
        publish.depth(secured.kafka(**changes | {"key_password": "wrong"}), ECHOES)


def test_what_keeps_us_out_is_named(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "CONNECT_MS", 2500)
    plain: dict[str, Any] = {"mechanism": None, "username": None, "password": None, "ca_file": None}
    cases: Sequence[tuple[KafkaSettings, str]] = (
        (secured.kafka(ca_file=secured.stranger.file), r"certificate does not verify.*kafka\.ca_file"),
        (secured.kafka(servers=[f"localhost:{secured.login_port}"]), r"certificate does not verify.*check_hostname"),
        (secured.kafka(**WRONG), r"login.*kafka\.password"),
        (secured.kafka(security="PLAINTEXT", **plain), r"TLS.*kafka\.security"),
    )
    assert publish.depth(secured.kafka(servers=[f"localhost:{secured.login_port}"], check_hostname=False), NOTES)
    for kafka, reason in cases:
        with pytest.raises(Unavailable, match=reason) as caught:
            publish.depth(kafka, NOTES)
        assert "c4nary" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"kafka\.ca_file.*No such file"):
        publish.depth(secured.kafka(ca_file=Path("gone.pem")), NOTES)


def test_a_worker_that_is_not_let_in_waits_and_says_why(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CONNECT_MS", 2500)
    stage = Stage("classify", NOTES, open_echo, STAGES["classify"].group)
    settings = Settings(kafka=secured.kafka(**WRONG))
    trouble = told(stage, settings, "login")
    assert re.search(r"login.*kafka\.password", trouble)
    assert "c4nary" not in trouble


def test_every_stream_and_group_stands_in_the_list_of_rights() -> None:
    rights = set(granted(ACLS.read_text()))
    names = {stream.name for stream in STREAMS}
    groups = {stage.group for stage in STAGES.values()}
    assert {name for _, _, kind, name in rights if kind == "topic"} == names
    assert {name for _, _, kind, name in rights if kind == "group"} == groups
    for stage in STAGES.values():
        user = f"vigia-{stage.name}"
        assert (user, "Read", "topic", stage.stream.name) in rights
        assert (user, "Read", "group", stage.group) in rights
        assert (user, "Write", "topic", stage.deadletters.name) in rights
    for stream in STREAMS:
        assert ("vigia-flows", "Create", "topic", stream.name) in rights


@contextmanager
def behind_tls(url: str, certificate: Path) -> Iterator[tuple[int, list[Mapping[str, str]]]]:
    """A proxy that ends TLS in front of Elasticsearch; its port, and the headers of each request."""
    target = urlsplit(url)
    seen: list[Mapping[str, str]] = []

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with closing(HTTPConnection(target.hostname or "", target.port, timeout=30)) as link:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "authorization"}}
                link.request(self.command, self.path, body, headers)
                answer = link.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "X-Elastic-Product"):
                if value := answer.getheader(name):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: clients that don't trust the certificate hang up."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Quiet(("127.0.0.1", 0), Forward)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        server.server_close()


def test_elasticsearch_behind_tls_is_checked_and_told_our_key(stack: RunningStack, tmp_path: Path) -> None:
    authority, stranger = (Authority(tmp_path, name).found() for name in ("authority", "stranger"))
    key = tmp_path / "key"
    key.write_text("Y2FuYXJ5OmM0bmFyeQ==\n")
    with behind_tls(stack.endpoints.elasticsearch or "", authority.issue("node")) as (port, seen):
        url = f"https://127.0.0.1:{port}"
        right = ElasticsearchSettings(url=url, ca_file=authority.file, api_key_file=key)
        with closing(archive.open_archive(right)) as es:
            archive.ping(es)
        assert {request["authorization"] for request in seen} == {"ApiKey Y2FuYXJ5OmM0bmFyeQ=="}
        before = len(seen)
        wrong = (
            right.model_copy(update={"ca_file": stranger.file}),
            right.model_copy(update={"ca_file": None}),
            right.model_copy(update={"url": f"https://localhost:{port}"}),
        )
        for settings in wrong:
            with closing(archive.open_archive(settings)) as es:
                with pytest.raises(Unavailable, match=r"TlsError.*(certificate|hostname)") as caught:
                    archive.ping(es)
                assert "Y2FuYXJ5" not in str(caught.value)
        assert len(seen) == before, "the key goes to nobody who could not prove himself"
