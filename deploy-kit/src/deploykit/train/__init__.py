"""The train: cut, deploy, check, record, promote, environment by environment."""
