"""How request members are read: SageMaker's PascalCase outside, snake_case here, nothing changed later."""

from pydantic import AliasGenerator, BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal


class Member(BaseModel):
    """A structure of a request. Members that the emulator does not act on are left out."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        alias_generator=AliasGenerator(alias=to_pascal),
    )
