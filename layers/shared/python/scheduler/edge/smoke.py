"""The smoke call: nothing to do, as proof that a version loads and its environment is right before callers reach it."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.service.release_gate import PASSED, SMOKE
from scheduler.settings import settings

type Handler[Answer] = Callable[[dict[str, Any], LambdaContext], Answer]


def answering_smoke[Answer](handler: Handler[Answer]) -> Handler[Answer]:
    """Answer smoke calls, which no gateway, queue or schedule sends, before the handler sees them.

    Raises:
        ConfigurationError: By the handler, to a smoke call, when a variable has a wrong value.
    """

    def entry(event: dict[str, Any], context: LambdaContext) -> Answer:
        if event == SMOKE:
            settings()
            return cast("Answer", cast("Mapping[str, Any]", PASSED))
        return handler(event, context)

    return entry
