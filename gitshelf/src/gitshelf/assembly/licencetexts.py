"""What licence texts look like once all that has no meaning is taken away.

`PASSAGES` says where the known passages of a licence file begin and end, and `TEXTS` which licence
a passage is by the SHA-256 of its words; "" stands for what belongs to a licence and says nothing
more (how to apply it, exhibits). The sums were taken from the texts of the SPDX licence list, of
choosealicense.com and of Debian's /usr/share/common-licenses; a test takes them again.
"""

from __future__ import annotations

import hashlib
import re

NOTICE = re.compile(
    r"\W*(?:(?:Portions )?Copyright\b:? *(?:\W*\(?[cC]\)|©|[\[{<(]|\d{4}|[A-Z])"
    r"|(?:COPYRIGHT|copyright) *(?:\([cC]\)|©|\d{4})|\([cC]\) *\d{4}|©"
    r"|[Aa]ll [Rr]ights [Rr]eserved)"
)
_LAW = re.compile(
    r"licen[cs]|permi|redistribut|commerc|\buse[ds]?\b|subject to|terms|warrant", re.I
)
_WORD = re.compile(r"[a-z0-9]+")
_WITHOUT_MEANING = frozenset(("ii", "iii", "iv", "vi", "vii", "viii", "ix"))
_SAME = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (
            r"\b(?:59 temple place(?: suite 330)?|51 franklin (?:street|st)(?: fifth floor)?"
            r"|675 mass(?:achusetts)? ave(?:nue)?) (?:boston|cambridge) ma \d+(?: \d+)?(?: usa)?",
            "",
        ),
        (
            r"\beveryone is permitted to copy and distribute verbatim copies of this license"
            r" document but changing it is not allowed\b",
            "",
        ),
        (r"\bhttps\b", "http"),
        (r"\blicence", "license"),
        (
            r"\bneither the names? of (?:the )?[a-z0-9 ]{1,160}? nor the names of"
            r" (?:its |their |any |other )*contributors may be used",
            "neither holder nor contributors may be used",
        ),
        (
            r"\bprovided by [a-z0-9 ]{1,120}? as is and any express or implied",
            "provided by holder as is and any express or implied",
        ),
        (
            r"\bin no event shall [a-z0-9 ]{1,160}? be liable for any",
            "in no event shall holder be liable for any",
        ),
        (r"\bas is and [a-z0-9 ]{1,80}? disclaims all", "as is and holder disclaims all"),
    )
)


def words(text: str) -> str:
    """The words of a licence file that have a meaning, in lower case, with a space between.

    Left out: copyright notices, marks of lists, addresses; names of holders become "holder".
    """
    lines = []
    in_notice = False
    for line in text.splitlines():
        lawful = _LAW.search(line)
        if not lawful and (NOTICE.match(line) or (in_notice and line.strip())):
            in_notice = True
            continue
        in_notice = False
        lines.append(line)
    flat = " ".join(_WORD.findall("\n".join(lines).lower()))
    for pattern, replacement in _SAME:
        flat = pattern.sub(replacement, flat)
    return " ".join(w for w in flat.split() if len(w) > 1 and w not in _WITHOUT_MEANING)


def digest(passage: str) -> str:
    """What TEXTS knows a passage by."""
    return hashlib.sha256(passage.encode()).hexdigest()[:32]


PASSAGES = (
    ("permission is hereby granted free of charge to any person", "dealings in the software"),
    ("permission to use copy modify and", "performance of this software"),
    ("redistribution and use in source and binary forms", "possibility of such damage"),
    ("this is free and unencumbered software", "dealings in the software"),
    ("for more information please refer to", "unlicense org"),
    (
        "creative commons corporation is not law firm",
        "damages resulting from the use of this document or the information or works provided"
        " hereunder",
    ),
    ("statement of purpose the laws of most jurisdictions", "cc0 or use of the work"),
    ("for more information please see", "publicdomain zero"),
    ("terms and conditions for use reproduction and distribution", "end of terms and conditions"),
    (
        "terms and conditions for use reproduction and distribution",
        "any such warranty or additional liability",
    ),
    ("appendix how to apply the apache license to your work", "limitations under the license"),
    ("licensed under the apache license version", "limitations under the license"),
    ("preamble the gnu general public license is", "end of terms and conditions"),
    ("preamble the gnu affero general public license is", "end of terms and conditions"),
    ("this is the first released version of the l", "end of terms and conditions"),
    ("preamble the licenses for most software", "end of terms and conditions"),
    ("this version of the gnu lesser general public license", "that version for the library"),
    ("definitions contributor means each individual", "of this license must be attached"),
    ("exhibit source code form license notice", "defined by the mozilla public license"),
    ("how to apply these terms to your new programs", "why not lgpl html"),
    ("how to apply these terms to your new programs", "license instead of this license"),
    ("how to apply these terms to your new programs", "president of vice"),
    ("how to apply these terms to your new programs", "gnu agpl see http www gnu org licenses"),
    ("how to apply these terms to your new libraries", "that all there is to it"),
)
"""(first words, last words); longer ones before those that they hold."""

_TITLE = (
    "the this software is under released distributed licensed project version license mit expat isc"
    " bsd apache new modified revised simplified clause two three january 2004 http www org"
    " licenses gnu general public lesser affero library june 1991 29 november 19 2007 february"
    " 1999 mozilla creative commons cc0 universal legal code"
)
TITLE = frozenset(_TITLE.split())
"""Words that may stand around the passages."""

TEXTS = {
    "cd863f54536f2e037887b68ae397130f": "MIT",
    "a5fe0f305119d254115eb1d8c28288ef": "ISC",
    "4c0320f1da13d68e9796ae67a3c48462": "ISC",
    "6464c3ea6a097d6cdb7bc4c905f85f0e": "BSD-3-Clause",
    "2ab66fd23f120508c0ab2f6806b7543c": "BSD-2-Clause",
    "f14f5bc969d46e888fe8f0e016e11420": "Unlicense",
    "c4483b51fd3bd4ea8e24e6e91bb69f8d": "",
    "3a260609edb666600b0ecfb5c66a140e": "",
    "50e1f68b7bf441ed46cbd92b9a195954": "CC0-1.0",
    "c9c61555591e8e9e731e5aba1b7f47ce": "",
    "cb52c58c7347627a622fefe71c277323": "Apache-2.0",
    "e11cf3c8675afc7a41e12955d4e33107": "Apache-2.0",
    "a980aca94503d3566e62c977f80c0b5b": "",
    "e0a1e0f6f69779a3181f97609a8d6c06": "",
    "76b74bae095290b0bcca2bdbadd3e1a0": "Apache-2.0",
    "cb5104e40d7d9250fc033e3703307b54": "GPL-3.0",
    "56ff15e45311a16777e24d44d86f62ea": "AGPL-3.0",
    "00e32d67e7125d2c3c0d65cae31df362": "LGPL-2.1",
    "12f0adb0a6d01d86144e8d5978a32d01": "LGPL-2.0",
    "a6123d374b35ab2468c71f5d8f82d6a0": "GPL-2.0",
    "e01bbd1e38779dbcd7b56f1229668a04": "GPL-2.0",
    "f8c4efd604a03240e40f0d01b84b2d49": "GPL-2.0",
    "d7bf6008a5693621b7b6302769707ec5": "GPL-2.0",
    "ac58241104c8d841a18c89a8d22c3d78": "LGPL-3.0",
    "cb3fda732ea6dd51f1ba35f2d4145987": "MPL-2.0",
    "c3e8525b265fba548658427b15fa3969": "",
    "038559af4ab771bd30822e1df202156d": "",
    "d05a18cec1ea7a82073140f5d77ae9de": "",
    "528c447e0b6f0fbbf234f5f73cf4bd5f": "",
    "8e5d4d606d10f4843ec9d92822228df9": "",
    "7b70a60570458c2d5977f44135f0abc8": "",
    "efe8c79d7514a92534b4d73e67f3efd3": "",
    "a199bf7ed16007529426b01eb9303a63": "",
    "f787ceceb92362e2cbbd8663f179c876": "",
    "9946fd6c310fa7dbb5a440bb346afb81": "",
    "f2bb22985cc1cfa6e63dbcc25c288eeb": "",
    "0a2f3d64f8b19ae35b840fdcd87f4e88": "",
    "c011f9c365441b6bdd23ded3c3c0c275": "",
    "0ebd9558d697eaff5d2b6c23e9f6b865": "",
    "31ac36877f153653fc06cb34817aa778": "",
}
