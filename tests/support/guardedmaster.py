"""Asks Salt's own AESFuncs what a minion would ask its master; run by Salt's Python, prints JSON.

guardedmaster.py PROGRAM SCRATCH CONFIG: PROGRAM is the guarded master (role salt_master), CONFIG
the master's options as JSON; standard input holds a list of [function, load]. Answers each in its
order.
"""

import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path

import salt.config
import salt.master


def main():
    program, scratch, config = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    spec = importlib.util.spec_from_loader(
        "guarded", importlib.machinery.SourceFileLoader("guarded", str(program))
    )
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    options = salt.config.master_config(None)
    options.update(json.loads(config.read_text()))
    options.update(
        root_dir=str(scratch),
        cachedir=str(scratch / "cache"),
        pki_dir=str(scratch / "pki"),
        sock_dir=str(scratch / "sock"),
        log_file=str(scratch / "log"),
        conf_file=str(scratch / "master"),
    )
    functions = salt.master.AESFuncs(options)
    answers = [functions.run_func(func, load) for func, load in json.load(sys.stdin)]
    print(json.dumps(answers, default=str))


if __name__ == "__main__":
    main()
