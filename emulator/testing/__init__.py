"""The emulator inside a test run: what the pytest plugin's fixtures are made of."""
