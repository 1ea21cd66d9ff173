"""A web server on loopback, as `python -m http.server`, that can be told to fail."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class Web:
    """A folder at `url`.

    Attributes:
        failures: by the path asked for, the answers that it gets before the true one: a status,
            or "cut" for half of the file.
        asked: how often each path was asked for its content.
    """

    url: str
    failures: dict[str, list[int | str]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, web: Web, *arguments, **more):
        self.web = web
        super().__init__(*arguments, **more)

    def do_HEAD(self):
        if not self._failed():
            super().do_HEAD()

    def do_GET(self):
        self.web.asked[self.path] += 1
        if not self._failed():
            super().do_GET()

    def _failed(self) -> bool:
        failures = self.web.failures.get(self.path)
        if not failures:
            return False
        failure = failures.pop(0)
        if failure == "cut":
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self.send_error(int(failure))
        return True

    def log_message(self, *_):
        pass


@contextmanager
def served(folder: Path) -> Iterator[Web]:
    """Serve a folder on a free port while the context lasts."""
    web = Web("")
    handler = partial(_Handler, web, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    web.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
