"""The node image: Debian 12 with systemd, SSH, Python and Salt, kept in LXD under its key."""
