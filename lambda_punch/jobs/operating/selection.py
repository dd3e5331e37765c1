"""Which dead letters are meant: by id, job, error and time."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lambda_punch.jobs.operating.letters import Letter


class Selection(NamedTuple):
    """What a letter has to be; what is empty or None does not matter. Times are in epoch seconds.

    ``job``: its name, in which ``*`` stands for anything. ``error``: the error's type, with ``*`` as well, or a part of
    its text or of the reason. ``after`` and ``before``: when it died; if that is not known, when it was sent.
    ``source``: the queue that it came from, or it is not known where it came from. ``messages``: the whole ids of messages,
    which nobody but SQS can choose.
    """

    ids: tuple[str, ...] = ()
    job: str | None = None
    error: str | None = None
    after: float | None = None
    before: float | None = None
    source: str | None = None
    messages: frozenset[str] | None = None

    @property
    def says_something(self) -> bool:
        """Whether somebody has said which are meant."""
        given = (self.job, self.error, self.after, self.before, self.messages)
        return bool(self.ids) or any(each is not None for each in given)

    def means(self, letter: Letter) -> bool:
        """Tell whether this letter is meant."""
        when = letter.died_at or letter.sent_at
        return (
            (not self.ids or any(letter.is_meant_by(each) for each in self.ids))
            and (self.job is None or fnmatchcase(letter.job, self.job))
            and (self.error is None or _has_error(letter, self.error))
            and (self.after is None or when >= self.after)
            and (self.before is None or when < self.before)
            and (self.messages is None or letter.message_id in self.messages)
            and (self.source is None or letter.source in {self.source, ""})
        )


def _has_error(letter: Letter, wanted: str) -> bool:
    if fnmatchcase(letter.error_type, wanted):
        return True
    return wanted.lower() in f"{letter.error}\n{letter.reason}".lower()
