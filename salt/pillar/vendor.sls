# Where the packages of every node come from, and as of when.
vendor:
  packages: [python3-apt]
  # Of the suites that a node has sources of, the others are held back. One that is missing there
  # is refused. The sources themselves are the node's: a release names no mirror.
  suites: [bookworm, bookworm-updates, bookworm-security]
  # Raise it to bring a node what the suites hold by now: the deployment of a release that says
  # another word here than the last one upgrades every package, once.
  updates: '2026-11-25'
