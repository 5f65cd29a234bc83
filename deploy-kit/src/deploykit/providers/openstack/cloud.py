"""One cloud of clouds.yaml: its API by openstacksdk, at a pace that it bears, errors by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.printable import one_line
from deploykit.providers.openstack.pace import Answer
from deploykit.providers.openstack.pacer import Pacer, Turn

CALL_SECONDS = 120.0  # for one answer
UPLOAD_SECONDS = 3600.0
BUSY_SECONDS = 600.0  # that a cloud may be busy, or not answer, before a call is given up
AGAIN = 0.5  # seconds at least; the pace of the cloud may say more
BUSY = frozenset({429, 502, 503, 504})
GONE = frozenset({404, 410})
MISSING = "the provider openstack needs openstacksdk, which is not installed"
INSTALL = "install it beside deploy-kit: pip install 'deploy-kit[openstack]'"


class Busy(DeployKitError):
    """The cloud would not take a request that makes something, or did not answer it: whether it was
    done has to be looked at."""


class Full(DeployKitError):
    """The cloud refused for want of room: a quota."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where things of a kind are: the service, the path of the list and of one, the word of one."""

    service: str
    path: str
    word: str
    listing: str = ""

    @property
    def all(self) -> str:
        return self.listing or self.path


KINDS = {
    "network": Kind("network", "/networks", "network"),
    "subnet": Kind("network", "/subnets", "subnet"),
    "router": Kind("network", "/routers", "router"),
    "port": Kind("network", "/ports", "port"),
    "group": Kind("network", "/security-groups", "security_group"),
    "rule": Kind("network", "/security-group-rules", "security_group_rule"),
    "floating": Kind("network", "/floatingips", "floatingip"),
    "server": Kind("compute", "/servers", "server", "/servers/detail"),
    "flavor": Kind("compute", "/flavors", "flavor", "/flavors/detail"),
    "image": Kind("image", "/images", "image"),
    "extension": Kind("network", "/extensions", "extension"),
}
PLURALS = {"/security-groups": "security_groups", "/security-group-rules": "security_group_rules"}


class Cloud:
    """The cloud `name` of clouds.yaml. Connected with its first call; safe for several threads."""

    def __init__(self, name: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.name = name
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._connection: Any = None
        self._project: str | None = None
        self._pacers: dict[tuple[str, str], Pacer] = {}

    @property
    def project(self) -> str:
        """The id of the project that calls are made in."""
        if self._project is None:
            connection = self._connect()
            found = self._again(
                lambda: self._known(lambda: connection.current_project_id, "keystone")
            )
            self._project = str(found)
        return self._project

    def services(self) -> frozenset[str]:
        """The kinds of services in the catalog that have an address in this region."""
        ask = self._connect().config.get_session_endpoint
        names = ("compute", "image", "network")
        found = {
            name: self._again(partial(self._known, partial(ask, name), "keystone"))
            for name in names
        }
        return frozenset(name for name, address in found.items() if address)

    def list(self, kind: str, **query: str) -> list[dict[str, Any]]:
        """All of a kind, page by page; `query` narrows it."""
        of = KINDS[kind]
        key = PLURALS.get(of.path, of.path.rsplit("/", 1)[-1])
        answer = self.get(of.service, of.all, **query)
        found = list(answer[key])
        while link := _next_page(answer, key):
            link = link.removeprefix("/v2")  # glance says it from its root
            answer = self.get(of.service, link)
            found += answer[key]
        return found

    def find(self, kind: str, id: str) -> dict[str, Any] | None:
        """One of a kind by its id; None if it is not there."""
        of = KINDS[kind]
        response = self._patiently(of.service, "GET", f"{of.path}/{id}", gone=True)
        if response is None:
            return None
        document = response.json()
        found: dict[str, Any] = document.get(of.word, document)
        return found

    def get(self, service: str, path: str, **query: str) -> dict[str, Any]:
        """What is at `path`."""
        response = self._patiently(service, "GET", path, params=query)
        assert response is not None
        found: dict[str, Any] = response.json()
        return found

    def make(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make one of a kind. Raises Busy if it may or may not be there now, Full for a quota."""
        of = KINDS[kind]
        document = {of.word: dict(body)} if kind != "image" else dict(body)
        response = self._once(of.service, "POST", of.path, json=document)
        found: dict[str, Any] = response.json()
        made: dict[str, Any] = found.get(of.word, found)
        return made

    def act(self, service: str, method: str, path: str, body: Mapping[str, Any]) -> None:
        """Change something that is there. Raises Busy if it may or may not be done."""
        self._once(service, method, path, json=dict(body))

    def remove(self, kind: str, id: str) -> bool:
        """Remove one of a kind; True if it is gone or on its way, False if others still hold it."""
        of = KINDS[kind]
        response = self._patiently(of.service, "DELETE", f"{of.path}/{id}", gone=True, held=True)
        return response is None or response.status_code < 400

    def upload(self, path: str, chunks: Iterator[bytes]) -> None:
        """Send the bytes of an image. Raises DeployKitError if they did not arrive."""
        self._once(
            "image",
            "PUT",
            path,
            data=chunks,
            headers={"Content-Type": "application/octet-stream"},
            timeout=UPLOAD_SECONDS,
        )

    def error(self, what: str, remedy: str = "") -> DeployKitError:
        """An error of this cloud."""
        return DeployKitError(f"cloud {self.name}: {what}", remedy)

    def _patiently(self, service: str, method: str, path: str, **more: Any) -> Any:
        """A call that may be repeated."""
        return self._again(lambda: self._once(service, method, path, **more))

    def _again(self, ask: Callable[[], Any]) -> Any:
        """What `ask` answers: again, while the cloud is busy or does not answer."""
        end = time.monotonic() + self._busy_seconds
        while True:
            try:
                return ask()
            except Busy:
                if time.monotonic() >= end:
                    raise
                time.sleep(AGAIN)

    def _once(
        self,
        service: str,
        method: str,
        path: str,
        *,
        gone: bool = False,
        held: bool = False,
        **more: Any,
    ) -> Any:
        """One call at the cloud's pace; None with `gone` if there is nothing at `path`; with `held`
        the answer where it is in use."""
        more.setdefault("timeout", CALL_SECONDS)
        connection = self._connect()
        with self._pacer(service, method).turn() as turn:
            response = self._known(
                lambda: getattr(connection, service).request(
                    path, method, connect_retries=0, **more
                ),
                service,
                turn,
            )
            if response.status_code in BUSY:
                turn.ended(Answer.BUSY, _retry_after(response))
                raise Busy(
                    f"cloud {self.name}: {service} is busy: {response.status_code} to {method} "
                    f"{path}",
                    "run it again later: what is there is found, and gone on with",
                )
            turn.ended(Answer.GOOD)
        if gone and response.status_code in GONE:
            return None
        if held and response.status_code in (400, 409):
            return response
        if response.status_code >= 400:
            raise self._refusal(service, f"{method} {path}", response)
        return response

    def _pacer(self, service: str, method: str) -> Pacer:
        with self._lock:
            return self._pacers.setdefault((service, method), Pacer())

    def _connect(self) -> Any:
        with self._lock:
            if self._connection is None:
                self._connection = _connection(self.name)
            return self._connection

    def _known(self, ask: Callable[[], Any], service: str, turn: Turn | None = None) -> Any:
        """What `ask` answers; errors of openstacksdk as ours."""
        import keystoneauth1.exceptions as keystone
        import openstack.exceptions as sdk

        try:
            return ask()
        except (keystone.Unauthorized, keystone.AuthorizationFailure) as error:
            if turn is not None:
                turn.ended(Answer.GOOD)
            raise self.error(
                f"it does not take these credentials: {one_line(str(error))}",
                "are they right, and not expired? clouds.yaml, secure.yaml and OS_* have them",
            ) from None
        except (keystone.EndpointNotFound, keystone.CatalogException) as error:
            if turn is not None:
                turn.ended(Answer.GOOD)
            if turn is None:
                return None
            raise self.error(f"it has no {service}: {one_line(str(error))}") from None
        except keystone.SSLError as error:
            raise self.error(
                f"its certificate is not trusted: {one_line(str(error))}",
                "cacert: FILE of the cloud in clouds.yaml names the authority; verify: false is no "
                "way out, as credentials go there",
            ) from None
        except (keystone.ConnectionError, keystone.HttpError) as error:
            if getattr(error, "http_status", 503) not in BUSY:
                raise self.error(
                    one_line(str(error)), "is auth_url of clouds.yaml right?"
                ) from None
            raise Busy(
                f"cloud {self.name}: {service} did not answer: {one_line(str(error))}",
                "is auth_url of clouds.yaml right, can this machine reach it? Then run it again",
            ) from None
        except (keystone.ClientException, sdk.SDKException) as error:
            raise self.error(one_line(str(error))) from None

    def _refusal(self, service: str, call: str, response: Any) -> DeployKitError:
        said = one_line(_said(response))
        text = f"cloud {self.name}: {service} refused {call}: {response.status_code} {said}"
        if "uota" in said:
            return Full(text, "ask for a larger quota, or take down what is not needed")
        return DeployKitError(text, "'deploy-kit env up' goes on with what is there")


def _connection(name: str) -> Any:
    """A connection to the cloud `name`.

    Raises DeployKitError if openstacksdk is missing, InputError if clouds.yaml does not have it.
    """
    try:
        import keystoneauth1.exceptions as keystone
        import openstack
        import openstack.exceptions as sdk
    except ImportError:
        raise DeployKitError(MISSING, INSTALL) from None
    try:
        return openstack.connect(cloud=name, app_name="deploy-kit", api_timeout=CALL_SECONDS)
    except (sdk.ConfigException, keystone.MissingRequiredOptions) as error:
        raise InputError(
            f"cloud {name}: {one_line(str(error))}",
            "it is looked for in clouds.yaml: here, in ~/.config/openstack, /etc/openstack, or "
            "where OS_CLIENT_CONFIG_FILE says",
        ) from None


def is_installed() -> bool:
    """Whether openstacksdk is there."""
    from importlib.util import find_spec

    return find_spec("openstack") is not None


def known_clouds() -> frozenset[str]:
    """The clouds that clouds.yaml has; none where openstacksdk or the file is missing."""
    if not is_installed():
        return frozenset()
    import openstack.config
    import openstack.exceptions as sdk

    try:
        return frozenset(openstack.config.OpenStackConfig().get_cloud_names())
    except sdk.ConfigException:
        return frozenset()


def _retry_after(response: Any) -> float:
    """The seconds that a cloud asks to wait; 0 if it asks nothing that is a number of seconds."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0


def _said(response: Any) -> str:
    """What a refusal says of itself."""
    try:
        document = response.json()
    except ValueError:
        return str(response.text)[:300]
    for value in document.values() if isinstance(document, dict) else ():
        if isinstance(value, dict) and "message" in value:
            return str(value["message"])
        if isinstance(value, str):
            return value
    return str(document)[:300]


def _next_page(answer: Mapping[str, Any], key: str) -> str:
    """The address of the next page of a list; "" after the last."""
    for link in answer.get(f"{key}_links", ()):
        if link.get("rel") == "next":
            return str(link["href"])
    return str(answer.get("next") or "")
