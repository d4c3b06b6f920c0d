"""INIT_DIR: what a fresh emulator holds and does before it is ready."""
