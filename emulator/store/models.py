"""Rows of models."""

from emulator.domain.model import Model
from emulator.sqlite import Database
from emulator.store.definitions import DefinitionStore


class ModelStore(DefinitionStore[Model]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, table="models", kind="model", make=Model)
