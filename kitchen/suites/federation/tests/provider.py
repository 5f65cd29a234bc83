"""Runs on the node: a provider of logins (OIDC) whose people have the password "NAME's own".

provider.py ADDRESS PORT: discovery, keys, and tokens by password, signed with a key of its own; one
for `mallory` is signed with another, one for `oscar` is for another client.
"""

import base64
import json
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ADDRESS, PORT = sys.argv[1], int(sys.argv[2])
URL = f"http://{ADDRESS}:{PORT}"
PEOPLE = {name: ["staff"] for name in ("mallory", "oscar")}
PEOPLE |= {"alice": ["staff", "others"], "bob": ["others"]}
KEYS = {which: rsa.generate_private_key(65537, 2048) for which in ("own", "another")}


def encoded(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def token(name):
    now = int(time.time())
    audience = "another" if name == "oscar" else "cloud"
    claims = {"iss": URL, "sub": name, "aud": audience, "iat": now, "exp": now + 600}
    claims |= {"preferred_username": name, "groups": PEOPLE[name]}
    head = {"alg": "RS256", "typ": "JWT", "kid": "own"}
    signed = f"{encoded(head)}.{encoded(claims)}"
    key = KEYS["another" if name == "mallory" else "own"]
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def metadata():
    return {
        "issuer": URL,
        "authorization_endpoint": f"{URL}/authorize",
        "token_endpoint": f"{URL}/token",
        "jwks_uri": f"{URL}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def keys():
    public = KEYS["own"].public_key().public_numbers()
    key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "own"}
    return {"keys": [{**key, "n": number(public.n), "e": number(public.e)}]}


class Provider(BaseHTTPRequestHandler):
    def do_GET(self):
        pages = {"/.well-known/openid-configuration": metadata, "/keys": keys}
        page = pages.get(self.path)
        self.answer(200 if page else 404, page() if page else {})

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = dict(urllib.parse.parse_qsl(text))
        name = said.get("username", "")
        if self.path != "/token" or name not in PEOPLE or said.get("password") != f"{name}'s own":
            self.answer(400, {"error": "invalid_grant"})
            return
        self.answer(200, {"access_token": token(name), "token_type": "Bearer", "expires_in": 600})

    def answer(self, status, document):
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


HTTPServer((ADDRESS, PORT), Provider).serve_forever()
