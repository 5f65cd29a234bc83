"""From a YAML of git repositories at SHAs to a byte-reproducible, signed release tarball."""
