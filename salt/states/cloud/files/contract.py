"""What the kinds of a cloud's things have in common: whose something is, and how it is said."""

import urllib.error

from session import MARK


class Different(Exception):
    """Something is not as wanted, and only a check was asked for."""


class Foreign(Exception):
    """What is wanted cannot be had without somebody else's word; the text says what to do."""


class Cloud:
    """A region's API as its admin, and how far to go: `dry` ends at the first difference.

    `passwords` by the name of what they are for.
    """

    def __init__(self, session, region, dry, passwords=()):
        self.session, self.dry, self.passwords = session, dry, dict(passwords)
        self.mark = MARK.format(region)

    def differs(self, what):
        """Say what is about to be changed; instead of it, in a check, Different is raised."""
        if self.dry:
            raise Different(what)
        print(what, flush=True)

    def demand(self, service, kind, wanted):
        """Whether the region has a service. Raises Foreign if it is wanted and not there."""
        if self.session.has(service):
            return True
        if wanted:
            raise Foreign(
                f"{kind}: the region has no {service} service: give a node the role that offers it, "
                f"or take the settings cloud.{kind} out"
            )
        return False

    def withdraw(self, service, path):
        """Delete what may be gone already."""
        try:
            self.session.delete(service, path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def listed(self, service, path, key, headers=(), **query):
        """All of a list, page by page. Raises OSError."""
        found = []
        answer = self.session.get(service, path, headers, **query)
        while True:
            found += answer[key]
            links = [link for link in answer.get(f"{key}_links", ()) if link["rel"] == "next"]
            after = links[0]["href"] if links else answer.get("next")
            if not after:
                return found
            # Only what stands after the path: the host may be the one that outsiders use.
            answer = self.session.get(service, f"{path}?{after.partition('?')[2]}", headers)


def changed(there, wanted):
    """The keys of `wanted` with another value in `there`."""
    return sorted(key for key, value in wanted.items() if there.get(key) != value)


def texts(values):
    """Properties as services keep them: YAML's true is 'true'."""
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in values.items()
    }
