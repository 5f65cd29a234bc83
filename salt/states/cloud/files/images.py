"""Public images: fetched from where the environment says, proved by their digest, then shown.

What somebody may still rebuild from is never taken away: an image that another took the place of, or
that is no longer wanted, is hidden (os_hidden), and found by its id as before.
"""

import contextlib
import hashlib
import re
import urllib.error
import urllib.parse
import urllib.request

from contract import Foreign, changed, texts

PATH = "/v2/images"
MADE_BY, MADE_OF = "made_by", "made_of"  # properties: the mark, and the SHA-256 of the content
BEGUN = ("queued", "saving", "uploading", "importing")
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
DIGEST = re.compile("[0-9a-f]{64}")
SCHEMES = ("https", "http", "file")
SLOWEST = 300  # seconds for the next bytes
MOST = 64 * 2**30  # bytes of an image


class Proved:
    """A source that is read by glance: it counts and digests what goes by."""

    def __init__(self, source):
        self._source, self._digest, self._size = source, hashlib.sha256(), 0

    def read(self, size=-1):
        piece = self._source.read(size if size > 0 else 2**20)
        self._digest.update(piece)
        self._size += len(piece)
        if self._size > MOST:
            raise ValueError(f"more than {MOST >> 30} GiB")
        return piece

    @property
    def digest(self):
        return self._digest.hexdigest()


def bring(cloud, wanted):
    """`wanted`: name -> source (URL), sha256, format, minimum_disk (GiB), minimum_memory (MiB),
    properties."""
    for name, values in wanted.items():
        demand_proof(name, values)
    if not cloud.demand("image", "images", wanted):
        return
    there = ours(cloud)
    for one in [one for one in there if one["status"] in BEGUN or MADE_OF not in one]:
        cloud.differs(f"image {one['name']}: only begun")
        cloud.session.delete("image", f"{PATH}/{one['id']}")
        there.remove(one)
    for name, values in wanted.items():
        demand_alone(cloud, name)
        image(cloud, there, name, values)
    for one in there:
        if not one["os_hidden"] and wanted.get(one["name"], {}).get("sha256") != one[MADE_OF]:
            cloud.differs(f"image {one['name']}: {one['id']} is hidden")
            patch(cloud, one, {"os_hidden": True})


def ours(cloud):
    """Images of the admin's project with the mark: tenants may write it, too, and what nova takes
    of an instance has the properties of its image."""
    found = []
    for hidden in ("false", "true"):
        query = {MADE_BY: cloud.mark, "owner": cloud.session.project, "os_hidden": hidden}
        found += cloud.listed("image", PATH, "images", **query, limit=200)
    return [one for one in found if "base_image_ref" not in one and "image_type" not in one]


def demand_proof(name, values):
    """Raise Foreign for an image that could be anything."""
    if not DIGEST.fullmatch(values["sha256"]):
        raise Foreign(f"image {name}: cloud.images.{name}.sha256 is not 64 digits (0-9, a-f)")
    if urllib.parse.urlsplit(values["source"]).scheme not in SCHEMES:
        raise Foreign(f"image {name}: its source is no URL of {', '.join(SCHEMES)}")


def demand_alone(cloud, name):
    """Raise Foreign if somebody else's public image has the name: nobody could tell them apart."""
    same = cloud.listed("image", PATH, "images", name=name, visibility="public")
    for one in same:
        if one.get(MADE_BY) != cloud.mark or one["owner"] != cloud.session.project:
            raise Foreign(
                f"image {name}: {one['id']} is public and somebody else's. Where it is to be seen no "
                f"more: openstack image set --private {one['id']}; else call yours otherwise"
            )


def image(cloud, there, name, values):
    shape = {
        "min_disk": values["minimum_disk"],
        "min_ram": values["minimum_memory"],
        "visibility": "public",
        "os_hidden": False,
        **texts(values["properties"]),
    }
    wanted = (name, values["sha256"])
    mine = [one for one in there if (one["name"], one[MADE_OF]) == wanted]
    if not mine:
        cloud.differs(f"image {name}: missing")
        mine = [made(cloud, name, values)]
    if other := changed(mine[0], shape):
        cloud.differs(f"image {name}: {', '.join(other)}")
        patch(cloud, mine[0], {key: shape[key] for key in other})
        mine[0].update(shape)


def made(cloud, name, values):
    """The image, private, with its content; deleted if that is not what its digest says."""
    body = {
        "name": name,
        "disk_format": values["format"],
        "container_format": "bare",
        "visibility": "private",
        MADE_BY: cloud.mark,
    }
    one = cloud.session.post("image", PATH, body)
    try:
        with urllib.request.urlopen(values["source"], timeout=SLOWEST) as source:
            proved = Proved(source)
            upload(cloud, one, proved, source.headers.get("Content-Length"))
        if proved.digest != values["sha256"]:
            raise Foreign(
                f"image {name}: what {values['source']} gives has the digest {proved.digest}, and "
                "not the wanted one: somebody changed it, or the sha256 is of another"
            )
    except BaseException:
        with contextlib.suppress(OSError):  # the next run takes away what was only begun
            cloud.session.delete("image", f"{PATH}/{one['id']}")
        raise
    # Only what is proved says what it is made of.
    patch(cloud, one, {MADE_OF: values["sha256"]})
    return one


def upload(cloud, one, content, size):
    """Hand `content` on to glance as it comes; of unknown size in pieces."""
    url = f"{cloud.session.urls['image']}{PATH}/{one['id']}/file"
    headers = {"X-Auth-Token": cloud.session.token, "Content-Type": "application/octet-stream"}
    headers |= {"Content-Length": size} if size else {}
    request = urllib.request.Request(url, content, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=SLOWEST):
        pass


def patch(cloud, one, values):
    steps = [
        {"op": "replace" if key in one else "add", "path": f"/{key}", "value": value}
        for key, value in values.items()
    ]
    cloud.session.patch("image", f"{PATH}/{one['id']}", steps, PATCH)
