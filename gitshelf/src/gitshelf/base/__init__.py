"""What every room uses: errors, files, programs, threads. Standard library only."""
