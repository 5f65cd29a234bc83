"""Runs on the Salt master: logs in to the dashboard by its form, as a browser does.

on_master_dashboard.py URL good|bad: prints JSON {"form": the login page's HTTP status, "inside":
whether the dashboard then knows its user as the admin}. The admin password is read where it lives
and never printed.
"""

import http.cookiejar
import json
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

TIMEOUT = 60  # seconds; the first page of a dashboard that has just started takes a while


class Stay(urllib.request.HTTPRedirectHandler):
    """What the form leads to is another page, which may need services that are not there."""

    def http_error_302(self, request, answer, code, message, headers):
        return answer


def main():
    url, how = sys.argv[1:]
    password = json.loads(Path("/srv/environment/secrets.json").read_text())["keystone_admin"]
    trust = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")
    browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        urllib.request.HTTPSHandler(context=trust),
        Stay(),
    )
    login = f"{url}/auth/login/"
    with browser.open(login, timeout=TIMEOUT) as page:
        status, text = page.status, page.read().decode()
    hidden = re.findall(r"<input type=\"hidden\" name=\"(\w+)\" value=\"([^\"]*)\"", text)
    form = {
        **dict(hidden),
        "username": "admin",
        "password": password + "x" * (how == "bad"),
    }
    request = urllib.request.Request(
        login, urllib.parse.urlencode(form).encode(), {"Referer": login}
    )
    session = urllib.request.Request(
        f"{url}/api/keystone/user-session/", headers={"X-Requested-With": "XMLHttpRequest"}
    )
    browser.open(request, timeout=TIMEOUT).close()
    try:
        with browser.open(session, timeout=TIMEOUT) as answer:
            inside = json.load(answer)["username"] == "admin"
    except urllib.error.HTTPError as error:
        inside = error.code not in (401, 403)
    print(json.dumps({"form": status, "inside": inside}))


main()
