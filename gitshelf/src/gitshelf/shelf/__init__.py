"""A shelf to work in: clones and links on a disk, installed from a manifest and looked at."""
