"""The machine the product runs on: what it needs, what it has, how it is set up."""
