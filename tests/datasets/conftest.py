import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Mirror(ThreadingHTTPServer):
    """A web server on this machine: sends `files`, as badly as its settings say; remembers the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges = True  # honours Range
        self.wrong_range = False  # answers a Range with other bytes than asked for
        self.cut: int | None = None  # closes the connection after this many bytes of an answer
        self.silent: threading.Event | None = None  # sends nothing until set
        self.requests: list[tuple[str, str | None, str | None]] = []  # path, Range, User-Agent

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested."""


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        mirror = self.server
        wanted = self.headers.get("Range")
        mirror.requests.append((self.path, wanted, self.headers.get("User-Agent")))
        if mirror.silent is not None:
            mirror.silent.wait(10)
        data = mirror.files.get(self.path.lstrip("/"))
        if data is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and mirror.ranges else 0
        if start and start >= len(data):
            self.send_error(416)
            return
        body = data[start:]
        self.send_response(206 if start else 200)
        if start:
            sent = start - 1 if mirror.wrong_range else start
            self.send_header("Content-Range", f"bytes {sent}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if mirror.cut is None else body[: mirror.cut])


def _serve() -> Iterator[Mirror]:
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        if server.silent is not None:
            server.silent.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("no_proxy", "*")
    yield from _serve()


@pytest.fixture
def second_mirror() -> Iterator[Mirror]:
    yield from _serve()
