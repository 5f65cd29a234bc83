"""A plugin of heat's engine: notifications can be sent of what it does by a trust.

oslo.messaging 14.0.3 (Debian 12's security update) leaves the trust out of a notification's copy of
the context. heat 19.0.0 copies what it has stored of a stack's owner to the same class, which then
asks keystone for the roles, by the trust that is not there: "Authorization failed", whatever the
driver. A copy without credentials has its roles, and needs no keystone: it becomes a plain context.
"""

from heat.common import context

STORED = context.StoredContext.from_dict.__func__
CREDENTIALS = ("trust_id", "auth_token", "password")


def from_dict(cls, values):
    """The context of these values, which asks keystone for its roles where it can."""
    if any(values.get(name) for name in CREDENTIALS):
        return STORED(cls, values)
    return context.RequestContext.from_dict(values)


context.StoredContext.from_dict = classmethod(from_dict)
