"""`python -m deploykit` is `deploy-kit`."""

from deploykit.cli import main

if __name__ == "__main__":
    main()
