# A cloud's own things, for environments to fill (docs/operate.md, "A cloud's own things"): each by
# its name, and under '*' what it has that says nothing else. What is null or '' is left as it is.
cloud:
  packages: [ca-certificates]
  directories:  # domains whose people are in an LDAP directory ("Where people come from")
    '*':
      url: ''  # ldaps://… or ldap://…, which STARTTLS has to hide
      starttls: true
      authority: /etc/ssl/certs/ca-certificates.crt  # on the nodes of identity
      user: ''  # the DN that keystone asks as; its password is the secret people (secrets give)
      people: {tree: '', filter: '', class: inetOrgPerson, id: uid, name: uid, mail: mail}
      groups: {tree: '', filter: '', class: groupOfNames, id: cn, name: cn, member: member}
      options: {}  # further ones of keystone's section [ldap]
      access:  # what its groups may do in projects of the default domain
        '*': {group: '', project: '', role: member}
  providers:  # domains whose people a provider of logins (OIDC) vouches for: the role login
    '*':
      issuer: ''  # its URL, below which is .well-known/openid-configuration
      client: ''  # what keystone is called there; its secret is the secret people (secrets give)
      audience: ''  # whom tokens that programs bring have to be for; '' the client
      scope: openid profile email
      person: preferred_username  # the claims that say who it is, and of which groups
      groups: groups
      access:
        '*': {group: '', project: '', role: member}
  flavors:  # memory and swap in MiB, disk and ephemeral in GiB
    '*': {memory: 512, processors: 1, disk: 1, swap: 0, ephemeral: 0, public: true, extra: {}}
  images:  # public; `source` is a URL, `minimum_disk` in GiB, `minimum_memory` in MiB
    '*': {source: '', sha256: '', format: qcow2, minimum_disk: 0, minimum_memory: 0, properties: {}}
  networks:
    '*':
      physical: ''
      type: flat
      segment: 0
      external: false
      shared: false
      mtu: 0
      subnets:
        '*': {cidr: '', gateway: '', first: '', last: '', dhcp: true, dns: []}
  aggregates:
    '*': {hosts: [], zone: '', properties: {}}
  quotas:  # of projects of the default domain; memory in MiB
    '*':
      instances: null
      processors: null
      memory: null
      networks: null
      subnets: null
      ports: null
      routers: null
      floating_addresses: null
      security_groups: null
      security_rules: null
      volumes: null
      snapshots: null
      gigabytes: null
