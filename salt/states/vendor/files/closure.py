"""What packages stand on, for the tools of this component. For Debian's Python, with python3-apt."""

import apt_pkg


def cache():
    """apt's view of the node: what is installed, and what could be."""
    apt_pkg.init()
    return apt_pkg.Cache(None)


def closure(cache, names):
    """The installed packages of `names` and all that they depend on, as apt_pkg has them."""
    found, todo = {}, [cache[name] for name in names if name in cache]
    while todo:
        package = todo.pop()
        version = package.current_ver
        if version is None or package.id in found:
            continue
        found[package.id] = package
        for kind in ("PreDepends", "Depends"):
            for alternatives in version.depends_list.get(kind, ()):
                for one in alternatives:
                    todo += [target.parent_pkg for target in one.all_targets()]
    return list(found.values())


def behind(cache, pairs, *, other=False):
    """Those of `pairs`, name to version, that are installed in an older version; with `other` also
    those in a newer one."""
    found = {}
    for name, version in pairs.items():
        current = cache[name].current_ver if name in cache else None
        order = apt_pkg.version_compare(current.ver_str, version) if current else 0
        if order < 0 or (other and order > 0):
            found[name] = version
    return found
