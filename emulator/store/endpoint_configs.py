"""Rows of endpoint configurations."""

from emulator.domain.endpoint_config import EndpointConfig
from emulator.sqlite import Database
from emulator.store.definitions import DefinitionStore


class EndpointConfigStore(DefinitionStore[EndpointConfig]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, table="endpoint_configs", kind="endpoint-config", make=EndpointConfig)
