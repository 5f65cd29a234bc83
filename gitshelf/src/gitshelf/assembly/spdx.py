"""What licence files state, as SPDX ids (spdx.org/licenses). What recognises them is in `licences`,
which a build whose books are all in the cache never loads."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 1
"""The version of what `licences` finds: a spliced book that was cached with another one is spliced
anew."""

_COMMON = (
    "0BSD AGPL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-2.0 BSD-2-Clause"
    " BSD-3-Clause BSD-4-Clause BSL-1.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0 EPL-2.0 GPL-2.0"
    " GPL-2.0-only GPL-2.0-or-later GPL-3.0 GPL-3.0-only GPL-3.0-or-later ISC LGPL-2.0"
    " LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1 LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0"
    " LGPL-3.0-only LGPL-3.0-or-later MIT MIT-0 MPL-1.1 MPL-2.0 OFL-1.1 PSF-2.0 Unlicense WTFPL"
    " Zlib"
)
COMMON = frozenset(_COMMON.split())
"""The ids that an SBOM has as ids; it has all others as names."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What the licence file `file` (path in the repository) states: an SPDX id or expression, or
    "" if that is not certain."""

    file: bytes
    spdx: str
