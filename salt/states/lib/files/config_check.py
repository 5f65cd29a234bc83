#!/usr/bin/python3
"""Whether a file is a configuration that a service can read: config-check [SECTION.KEY...] FILE

Each SECTION.KEY must be there. Says where the file is wrong, never what stands there: the line may
hold a password.
"""

import configparser
import sys


def main():
    *needed, file = sys.argv[1:]
    config = configparser.RawConfigParser(strict=False, default_section="")
    try:
        with open(file, encoding="utf-8") as text:
            config.read_file(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or error.errors[0][0]
        sys.exit(f"line {line}: {type(error).__name__}")
    for word in needed:
        section, _, key = word.partition(".")
        if not config.has_option(section, key):
            sys.exit(f"[{section}] {key} is missing")


if __name__ == "__main__":
    main()
