"""Figures for Prometheus, told over HTTP: text format 0.0.4, of a program's own.

`serve` asks for them anew at each request, one at a time. Python's standard library only.
"""

from http.server import BaseHTTPRequestHandler, HTTPServer

FORMAT = "text/plain; version=0.0.4; charset=utf-8"
ESCAPES = {"\\": r"\\", "\n": r"\n", '"': r"\""}


class Figures:
    """Figures with their names, kinds and labels, in the order in which names come first."""

    def __init__(self):
        self._heads = {}
        self._lines = {}

    def add(self, name, value, help="", kind="gauge", **labels):
        """One figure; `help` and `kind` of the first with that name count."""
        self._heads.setdefault(name, f"# HELP {name} {help}\n# TYPE {name} {kind}\n")
        told = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
        place = f"{name}{{{told}}}" if told else name
        self._lines.setdefault(name, []).append(f"{place} {value}\n")

    def text(self):
        return "".join(self._heads[name] + "".join(lines) for name, lines in self._lines.items())


def escaped(text):
    """A label's value as it stands between quotes."""
    return "".join(ESCAPES.get(sign, sign) for sign in str(text))


def serve(address, port, collect):
    """Answer /metrics with what `collect`() returns (Figures); never ends."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds for somebody who connects to say what they want

        def do_GET(self):
            if self.path != "/metrics":
                return self.send_error(404)
            body = collect().text().encode()
            self.send_response(200)
            self.send_header("Content-Type", FORMAT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            """Nothing: every look would be a line in the journal."""

    HTTPServer((address, port), Handler).serve_forever()
