"""What tests of several directories share."""

pytest_plugins = ["tests.support.engine"]
