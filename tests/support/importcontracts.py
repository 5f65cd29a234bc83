"""A kind of contract for import-linter: folders that need nothing but the standard library."""

from __future__ import annotations

import sys

import grimp
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryContract(Contract):
    """No module of `folders` imports anything but them, the standard library, and `also`."""

    type_name = "standard_library"

    folders = fields.ListField(subfield=fields.StringField())
    also = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        folders: list[str] = list(self.folders)  # type: ignore[call-overload]
        allowed = {*sys.stdlib_module_names, *self.also}  # type: ignore[misc]
        sources = {m for folder in folders for m in {folder} | graph.find_descendants(folder)}
        strange = [
            (source, target)
            for source in sorted(sources)
            for target in sorted(graph.find_modules_directly_imported_by(source) - sources)
            if target.split(".")[0] not in allowed and target not in allowed
        ]
        return ContractCheck(kept=not strange, metadata={"strange": strange})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for source, target in check.metadata["strange"]:
            output.print_error(f"{source} imports {target}", bold=False)
