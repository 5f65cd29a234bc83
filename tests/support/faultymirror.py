#!/usr/bin/python3
"""A proxy for apt on a node: lists pass, packages fail with 503 as often as told.

    faultymirror PORT TIMES [UPSTREAM_PROXY]

Prints one line per package asked for. It stands on loopback of the node that asks.
"""

import http.server
import sys
import urllib.error
import urllib.request

PORT, TIMES = int(sys.argv[1]), int(sys.argv[2])
VIA = {"http": sys.argv[3]} if len(sys.argv) > 3 else {}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler(VIA))
PASSED_ON = ("If-Modified-Since", "Range", "If-Range", "User-Agent")


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    failed = 0

    def do_GET(self):
        if self.path.endswith(".deb"):
            print(self.path, flush=True)
            if Proxy.failed < TIMES:
                Proxy.failed += 1
                return self.answer(503, b"")
        headers = {name: self.headers[name] for name in PASSED_ON if self.headers[name]}
        try:
            with OPENER.open(urllib.request.Request(self.path, headers=headers), timeout=60) as got:
                return self.answer(got.status, got.read(), got.headers)
        except urllib.error.HTTPError as error:
            return self.answer(error.code, b"", error.headers)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name in ("Last-Modified", "Content-Range"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Proxy).serve_forever()
