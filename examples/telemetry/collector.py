"""A collector for trying it out: it takes spans on port 4318, slowly, and says how many bytes came."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, HTTPServer


class Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = len(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(0.5)
        self.send_response(200)
        self.end_headers()
        print(f"{self.path}: {length} bytes", flush=True)


HTTPServer(("127.0.0.1", 4318), Collector).serve_forever()
