"""Dead letters: what they say of themselves, as attributes of the message."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from lambda_punch._log import text_of

if TYPE_CHECKING:
    from lambda_punch.jobs.message import Message

FACTS = ("Reason", "ErrorType", "ErrorMessage", "Job", "JobId", "Attempts", "SourceQueue", "DiedAt")
_LONGEST = 1024  # characters of a value: an attribute counts in the message's size


def facts(
    message: Message | None, reason: str, error: BaseException | None, *, attempts: int, queue: str
) -> dict[str, str]:
    """Return the attributes of a dead letter, which are named FACTS.

    A fact that is not known is left out. SQS allows ten attributes, and no empty ones.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    found = {
        "Reason": reason,
        "ErrorType": "" if error is None else type(error).__qualname__,
        "ErrorMessage": "" if error is None else text_of(error),
        "Job": message.job if message else "",
        "JobId": message.id if message else "",
        "Attempts": str(attempts) if attempts else "",
        "SourceQueue": queue,
        "DiedAt": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    cleaned = {name: _allowed(text)[:_LONGEST] for name, text in found.items()}
    return {name: text for name, text in cleaned.items() if text}


def _allowed(text: str) -> str:
    """Escape what SQS refuses in a text: control characters, lone surrogates, and two more."""
    return "".join(
        character if character.isprintable() or character in "\t\n\r" else repr(character)[1:-1] for character in text
    )
