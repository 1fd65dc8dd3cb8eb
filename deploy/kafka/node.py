"""What a broker needs before it can start: Java, jars, settings, formatted storage, a folder to live in."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import random
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from string import Template

HERE = Path(__file__).resolve().parent
MIN_JAVA = 17
PRIVATE_FOLDER = 0o700


class BrokerError(Exception):
    """What went wrong and what to do about it, in a line for the user."""


class PrerequisiteError(BrokerError):
    """Java or Maven is missing on this machine."""


@dataclass(frozen=True)
class State:
    """What is remembered of a run folder, in ``state.json``: a restart keeps ports, user and password."""

    plaintext: int
    sasl: int
    controller: int
    user: str
    password: str = field(repr=False)
    pid: int | None = None

    @property
    def client_settings(self) -> str:
        """Settings of librdkafka for the listener with a password, as a TOML table in one line."""
        settings = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.user,
            "sasl.password": self.password,
        }
        return "{ " + ", ".join(f'"{name}" = "{value}"' for name, value in settings.items()) + " }"


@dataclass(frozen=True)
class RunFolder:
    """Where one broker lives, and how it is told whether it does."""

    path: Path

    @property
    def data(self) -> Path:
        """The topics."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """What the broker prints: nothing while all is well."""
        return self.path / "broker.log"

    @property
    def properties(self) -> Path:
        """The broker's settings."""
        return self.path / "server.properties"

    @property
    def client(self) -> Path:
        """A worker's settings for the listener with a password."""
        return self.path / "client.toml"

    @property
    def formatted(self) -> bool:
        """Whether the storage is ready."""
        return (self.data / "meta.properties").is_file()

    def load(self) -> State | None:
        """Read the state that was saved last, if any."""
        try:
            return State(**json.loads((self.path / "state.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as exc:
            raise BrokerError(
                f"{self.path}/state.json is damaged ({exc}): remove the folder to start afresh"
            ) from exc

    def save(self, state: State) -> None:
        """Save the state, and the settings for clients; both hold the password."""
        write_private(self.path / "state.json", json.dumps(asdict(state), indent=2) + "\n")
        write_private(
            self.client,
            f'[kafka]\nbootstrap_servers = "127.0.0.1:{state.sasl}"\nsettings = {state.client_settings}\n',
        )

    @contextlib.contextmanager
    def lock(self) -> Iterator[int | None]:
        """Descriptor of the folder's lock, or None while a broker has it.

        The broker inherits the lock and drops it only by ending, however it ends: unlike a process id in a
        file, which another program may have by then, it always tells whether the broker runs.
        """
        self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        with (self.path / "lock").open("w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield file.fileno()

    def running(self) -> bool:
        """Whether a broker runs here, or is being started."""
        if not self.path.is_dir():
            return False
        with self.lock() as lock:
            return lock is None


def prepare(folder: RunFolder, *, user: str | None, port: int | None) -> State:
    """Settle ports and password, as they were or anew, and write the broker's settings."""
    state = folder.load()
    if state is None:
        if folder.formatted:
            raise BrokerError(f"{folder.path} has data but no state.json: remove the folder to start afresh")
        user = user or "varstream"
        if not re.fullmatch(r"[\w.-]+", user, re.ASCII):  # goes into Kafka's lists and TOML without quoting
            raise BrokerError(f"--user {user!r}: use letters, digits, '.', '_' and '-'")
        plaintext, sasl, controller = free_ports(3)
        state = State(plaintext, sasl, controller, user=user, password=secrets.token_urlsafe(18))
    elif user not in (None, state.user):
        raise BrokerError(f"{folder.path} was made for user {state.user}: name another --dir for {user}")
    state = replace(state, plaintext=port or state.plaintext, pid=None)
    for taken in (state.plaintext, state.sasl, state.controller):
        if not is_free(taken):
            raise BrokerError(
                f"port {taken} is taken: stop what listens there, or name another --dir or --port"
            )
    if folder.data.is_dir():  # one that an earlier version made could be read by all
        folder.data.chmod(PRIVATE_FOLDER)
    folder.save(state)
    template = Template((HERE / "server.properties").read_text(encoding="utf-8"))
    folder.properties.write_text(
        template.substitute(
            plaintext=state.plaintext, sasl=state.sasl, controller=state.controller, data=folder.data
        ),
        encoding="utf-8",
    )
    return state


def find_java() -> str:
    """Find a Java that is new enough."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    remedy = f"install Java {MIN_JAVA} or newer (Debian: openjdk-17-jre-headless) or correct JAVA_HOME"
    if java is None:
        raise PrerequisiteError(f"no java in {f'{home}/bin' if home else 'PATH'}: {remedy}")
    said = _run([java, "-version"]).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None:
        raise PrerequisiteError(f"{java} does not tell its version: {remedy}")
    if int(version[1]) < MIN_JAVA:
        raise PrerequisiteError(f"{java} is Java {version[1]}: {remedy}")
    return java


def resolve_jars() -> Path:
    """Folder of the broker's jars; Maven fetches them when pom.xml is new or has changed."""
    digest = hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()[:12]
    libs = HERE / "target" / f"libs-{digest}"
    if libs.is_dir():
        return libs
    maven = shutil.which("mvn")
    if maven is None:
        raise PrerequisiteError(
            "no mvn in PATH: install Maven (Debian: maven), which fetches the broker's jars once"
        )
    print("resolving the broker's jars through Maven (43 MB, once) ...", flush=True)
    libs.parent.mkdir(exist_ok=True)
    # Fetched aside and renamed: a folder of the final name is complete, whatever interrupts this.
    with tempfile.TemporaryDirectory(dir=libs.parent, prefix="resolving-") as aside:
        command = [maven, "-q", "-B", "-f", f"{HERE}/pom.xml", "dependency:copy-dependencies"]
        run = _run([*command, f"-DoutputDirectory={aside}/libs"])
        if run.returncode != 0:
            reason = next((line for line in run.stdout.splitlines() if "ERROR" in line), "no reason given")
            raise BrokerError(
                f"Maven cannot resolve {HERE}/pom.xml: {reason.strip()}. "
                "Check the network, or name a mirror in ~/.m2/settings.xml"
            )
        try:
            Path(aside, "libs").rename(libs)
        except OSError:
            if not libs.is_dir():  # otherwise another start was faster
                raise
    return libs


def format_storage(java: str, libs: Path, folder: RunFolder, state: State) -> None:
    """Give the storage its cluster id and its user."""
    while (cluster_id := secrets.token_urlsafe(16)).startswith("-"):  # would be read as an option
        pass
    scram = f"SCRAM-SHA-512=[name={state.user},password={state.password}]"
    words = [
        "kafka.tools.StorageTool",
        "format",
        "-t",
        cluster_id,
        "-c",
        f"{folder.properties}",
        "--add-scram",
        scram,
    ]
    # From a file, because every user of a machine can read the arguments of a process.
    secret = folder.path / "format.args"
    try:
        write_private(secret, "\n".join(json.dumps(word, ensure_ascii=False) for word in words))
        run = _run([java, "-cp", f"{libs}/*", f"@{secret}"])
    finally:
        secret.unlink(missing_ok=True)
    if run.returncode != 0:
        said = (run.stderr or run.stdout).strip().replace(state.password, "***")
        raise BrokerError(f"cannot format {folder.data}: {said}")


def free_ports(n: int) -> list[int]:
    """Choose ports that nobody listens on.

    Below 32768, where Linux begins to take the ports of outgoing connections: a client that tries a broker
    which is down for a moment could otherwise be given the broker's own port, and keep it.
    """
    ports: list[int] = []
    for port in random.SystemRandom().sample(range(20000, 32768), 200):
        if is_free(port):
            ports.append(port)
        if len(ports) == n:
            return ports
    raise BrokerError("no free ports between 20000 and 32767: stop what takes them")


def is_free(port: int) -> bool:
    """Whether nobody listens on `port`; connections that a stopped broker left behind do not matter."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one of our own commands to its end, whatever that is."""
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
