# The packages stay as they are: those of a component go with it. The node's own sources hold again.
vendor_clean_files:
  file.absent:
    - names:
      - /etc/apt/preferences.d/vendor
      - /usr/local/lib/vendor
      - /usr/local/sbin/vendor-get
      - /usr/local/sbin/vendor-newest
      - /usr/local/sbin/vendor-plan
      - /usr/local/sbin/vendor-stale
      - /usr/local/sbin/vendor-suites
      - /var/lib/vendor
