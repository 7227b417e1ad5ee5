"""What the measurements of this directory share: nginx as the server, clients that are pinned to a core and whose CPU is
taken from the kernel, medians and tables."""
import contextlib
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("CHAPERON_BUILD_DIR", ROOT / "build" / "release"))
CHAPERON = BUILD / "bin" / "chaperon"
BARE_EPOLL = BUILD / "bin" / "bare_epoll"
SCENARIOS = ROOT / "bench" / "scenarios"

SERVER_CORE = 0
CLIENT_CORE = min(1, os.cpu_count() - 1)
ANSWER_SIZE = 240  # bytes, head and body
START_TIMEOUT = 10  # seconds for nginx to accept


def fail(message):
    """Ends the measurement with a message for a person."""
    sys.exit(f"error: {message}")


def require(program):
    """The program's path; ends the measurement if it is not there."""
    path = shutil.which(str(program))
    if path is None:
        build = "build it with cmake --preset release && cmake --build --preset release"
        fail(f"{program} is missing: {build if '/' in str(program) else 'scripts/setup installs it'}")
    return path


def raise_descriptor_limit():
    """Raises the soft limit on descriptors to the hard one, for this process and its children; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Nginx:
    """nginx with one worker, pinned to SERVER_CORE, on an ephemeral port of 127.0.0.1 to 127.0.0.8; answers every request
    with ANSWER_SIZE bytes. A context manager."""

    ADDRESSES = [f"127.0.0.{i}" for i in range(1, 9)]

    def __init__(self):
        self.program = require("nginx")
        self.descriptors = raise_descriptor_limit()

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="chaperon-bench-")
        try:
            self._start(body="x" * 100)
            # The head's size depends on nginx's version: measured, then made up for.
            excess = len(self._raw_answer()) - ANSWER_SIZE
            self._stop()
            self._start(body="x" * max(0, 100 - excess))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, address_number=0):
        """The server's base URL. Runs that open many connections use one address after the other, so that ports in
        TIME_WAIT are not in their way."""
        return f"http://{self.address(address_number)}:{self.port}"

    def address(self, number):
        return self.ADDRESSES[number % len(self.ADDRESSES)]

    def requests(self):
        """How many requests it has answered, without those of this function."""
        with urllib.request.urlopen(self.url() + "/status") as answer:
            total = int(answer.read().split(b"\n")[2].split()[2])
        self.own_requests += 1
        return total - self.own_requests

    def _start(self, body):
        self.own_requests = 0
        with socket.socket() as probe:
            probe.bind((self.ADDRESSES[0], 0))
            self.port = probe.getsockname()[1]
        listen = "\n".join(f"    listen {address}:{self.port} backlog=16384;" for address in self.ADDRESSES)
        config = pathlib.Path(self.directory, "nginx.conf")
        config.write_text(
            f"""daemon off;
{'user root;' if os.geteuid() == 0 else ''}
pid {self.directory}/nginx.pid;
error_log {self.directory}/error.log;
worker_processes 1;
worker_cpu_affinity {1 << SERVER_CORE:b};
worker_rlimit_nofile {self.descriptors};
events {{
  worker_connections {min(self.descriptors - 100, 100_000)};
}}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  default_type text/plain;
  client_body_temp_path {self.directory}/body;
  proxy_temp_path {self.directory}/proxy;
  fastcgi_temp_path {self.directory}/fastcgi;
  uwsgi_temp_path {self.directory}/uwsgi;
  scgi_temp_path {self.directory}/scgi;
  server {{
{listen}
    location / {{ return 200 "{body}"; }}
    location = /status {{ stub_status; }}
  }}
}}
"""
        )
        self.process = subprocess.Popen([self.program, "-p", self.directory, "-c", config, "-e", f"{self.directory}/error.log"])
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection((self.ADDRESSES[0], self.port)).close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                fail("nginx did not start: " + pathlib.Path(self.directory, "error.log").read_text())
            time.sleep(0.01)

    def _stop(self):
        if getattr(self, "process", None) is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def _raw_answer(self):
        with socket.create_connection((self.ADDRESSES[0], self.port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return connection.recv(65536)


NODE_ECHO = """
const { WebSocketServer } = require('ws');
const http = require('http').createServer((request, answer) => answer.end('x'.repeat(100)));
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on('connection', socket => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => {});
});
http.listen(0, '127.0.0.1', 16384, () => console.log(`http://127.0.0.1:${http.address().port}`));
"""


class EchoServer:
    """A server that sends every WebSocket message back and answers every GET, pinned to SERVER_CORE, on an ephemeral port:
    Node's `ws`, or the built-in target. A context manager; `url` is its base URL."""

    def __init__(self, kind):
        raise_descriptor_limit()
        if kind == "node":
            self.command = [require("node"), "-e", NODE_ECHO]
        else:
            self.command = [require(CHAPERON), "target", "--port", "0"]

    def __enter__(self):
        environment = dict(os.environ, NODE_PATH="/usr/share/nodejs:/usr/lib/nodejs")
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=pin_to(SERVER_CORE)
        )
        self.url = "http://" + self.process.stdout.readline().strip().split("//")[1]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def pin_to(core):
    """For preexec_fn: pins the child to a core."""
    return lambda: os.sched_setaffinity(0, {core})


class Run:
    """A finished client: cpu (user and system time of the whole process, seconds), wall (seconds), stdout (text)."""

    def __init__(self, cpu, wall, stdout):
        self.cpu, self.wall, self.stdout = cpu, wall, stdout


def run_client(command):
    """Runs a client on CLIENT_CORE until it ends and returns its Run; ends the measurement if it fails."""
    command = [str(part) for part in command]
    with tempfile.TemporaryFile("w+") as output:
        start = time.monotonic()
        client = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, preexec_fn=pin_to(CLIENT_CORE))
        try:
            _, status, usage = os.wait4(client.pid, 0)
        except BaseException:
            client.kill()
            raise
        wall = time.monotonic() - start
        client.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        stdout = output.read()
    if client.returncode != 0:
        fail(f"{' '.join(command)} failed with exit status {client.returncode}:\n{stdout}")
    return Run(usage.ru_utime + usage.ru_stime, wall, stdout)


def chaperon_run(scenario, base_url, threads=1, **config):
    """The command that runs a scenario of bench/scenarios with these config values."""
    command = [require(CHAPERON), "run", SCENARIOS / scenario, "--threads", threads]
    if base_url:
        command += ["--base-url", base_url]
    for key, value in config.items():
        command += ["--config", f"{key}={value}"]
    return command


def resident_bytes(pid):
    """The resident memory of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


@contextlib.contextmanager
def running(command, **options):
    """A client that runs while the block does, then is interrupted and waited for."""
    client = subprocess.Popen([str(part) for part in command], preexec_fn=pin_to(CLIENT_CORE), **options)
    try:
        yield client
    finally:
        client.send_signal(signal.SIGINT)
        try:
            client.wait(timeout=60)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()


def spread(values):
    """`median (min to max)`."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def say_where():
    """The first lines of every report: what the figures were taken on."""
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unknown processors")
    print(f"{os.cpu_count()} cores of {model}, Linux {os.uname().release}")
    print(f"server on core {SERVER_CORE}, client on core {CLIENT_CORE}", flush=True)
