#!/usr/bin/python3
"""Whether a file is a configuration that keystone can read: keystone-config-check FILE

Says where it is wrong, never what stands there: the line may hold a password.
"""

import configparser
import sys

NEEDED = {"database": "connection", "token": "provider"}


def main():
    config = configparser.RawConfigParser()
    try:
        config.read_file(open(sys.argv[1]))
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or error.errors[0][0]
        sys.exit(f"line {line}: {type(error).__name__}")
    for section, key in NEEDED.items():
        if not config.has_option(section, key):
            sys.exit(f"[{section}] {key} is missing")


if __name__ == "__main__":
    main()
