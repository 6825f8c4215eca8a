"""Lists in the settings of channels and of everything else: one value alone stands for a list of one."""

from typing import Annotated

from pydantic import BeforeValidator


def several(value: object) -> object:
    """A text as a tuple of one; anything else as it is."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(several)]
