"""The key pair with which addresses of media are signed; made at deploy, custom resource."""
