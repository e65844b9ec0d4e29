"""A stand-in on loopback for the server to which Ultralytics reports its trainings."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PlatformServer:
    """Accepts everything, and remembers what it was told."""

    def __init__(self):
        self.told, self.uploaded = [], []
        seen = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
                seen.told.append((self.path, body))
                upload = f"http://127.0.0.1:{self.server.server_port}/upload"
                self.answer({"modelId": "m1", "runId": "r1", "uploadUrl": upload, "gcsPath": "models/m1.pt"})

            def do_PUT(self):
                seen.uploaded.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer({})

            def answer(self, document):
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def events(self, name):
        return [body["data"] for _, body in self.told if body.get("event") == name]
