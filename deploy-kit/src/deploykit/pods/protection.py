"""What may not be taken away: a tag that every provider's `down` obeys, and the provider's own
protection where it has one, which other programs meet too."""

from __future__ import annotations

from deploykit.base.printable import one_line
from deploykit.providers import DONT_DELETE, Protects, Provider
from deploykit.site.instance import Instance


def protect(provider: Provider, instance: Instance, why: str) -> None:
    """Nothing takes the nodes of an instance away. Raises what its provider raises."""
    provider.tag(instance, {DONT_DELETE: one_line(why)})
    if isinstance(provider, Protects):
        provider.protect(instance, True)


def unprotect(provider: Provider, instance: Instance) -> None:
    """They may go again. Raises what its provider raises."""
    if isinstance(provider, Protects):
        provider.protect(instance, False)
    provider.tag(instance, {DONT_DELETE: ""})


def protection(provider: Provider, instance: Instance) -> str:
    """Why an instance may not go; "" if it may."""
    return provider.tags(instance).get(DONT_DELETE, "")
