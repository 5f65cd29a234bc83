trust:
  packages: [ca-certificates]
  # What goes between the region's own nodes is encrypted, each side known to the other by the
  # region's authority (docs/region.md, "What is encrypted"); to be turned off for measuring what it
  # costs.
  # `cluster`: of database nodes among themselves. `cache`: what services keep of tokens there.
  encrypted: {database: true, cluster: true, messaging: true, services: true, cache: true}
  # Whether a server takes those, too, who come without: what is turned on again while a region
  # lives needs that for one deployment. Nodes of a cluster that do not can have none that comes
  # from, or goes back to, a release without TLS.
  plain_taken: {database: false, cluster: true, messaging: false}
