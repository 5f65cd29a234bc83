"""The secrets of an environment, as its operator handles them."""
