"""What every room uses: errors, programs, files, names, progress."""
