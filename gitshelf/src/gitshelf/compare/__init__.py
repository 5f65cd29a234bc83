"""What changed between two shelves: manifests, locks or kits."""
