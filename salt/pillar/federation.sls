# A web server that asks a provider of logins before keystone is asked (settings: cloud.providers).
federation:
  packages: [apache2, libapache2-mod-auth-openidc]
