"""How the Runtime and Extensions APIs say no: the table of refusals, word for word.

Statuses, types and messages are those of AWS's own implementation, ``rapi/handler`` and ``rapi/rendering`` in
github.com/aws/aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024 + 100
MAX_EXTENSIONS = 10


class Refusal(Exception):  # noqa: N818 - it is an answer to a client, not an error of this program
    """An API call that is answered with an error: HTTP status, ``errorType`` and ``errorMessage``."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(f"{status} {error_type}: {message}")
        self.status = status
        self.error_type = error_type
        self.message = message

    def body(self) -> dict[str, str]:
        """Return the JSON body of the answer."""
        return {"errorMessage": self.message, "errorType": self.error_type}


def empty_name() -> Refusal:
    """Refuse ``register`` without a name."""
    return Refusal(403, "Extension.InvalidExtensionName", "Empty extension name")


def bad_format(message: str) -> Refusal:
    """Refuse ``register`` with a body that cannot be read."""
    return Refusal(403, "InvalidRequestFormat", message)


def configuration_keys() -> Refusal:
    """Refuse ``register`` with the deprecated ``configurationKeys``."""
    return bad_format("configurationKeys are deprecated; use environment variables instead")


def unknown_event(event: str) -> Refusal:
    """Refuse ``register`` with an event nobody knows."""
    return Refusal(403, "Extension.InvalidEventType", f"{event}: ErrorInvalidEventType")


def internal_shutdown(event: str) -> Refusal:
    """Refuse an internal extension that asks for SHUTDOWN."""
    return Refusal(403, "Extension.InvalidEventType", f"{event}: ShutdownEventNotSupportedForInternalExtension")


def name_taken() -> Refusal:
    """Refuse a second internal extension of the same name."""
    return Refusal(403, "Extension.InvalidExtensionState", "Extension with this name already registered")


def registration_closed() -> Refusal:
    """Refuse ``register`` after the runtime's first ``next``."""
    return Refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")


def too_many() -> Refusal:
    """Refuse the eleventh extension."""
    return Refusal(403, "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached")


def missing_identifier() -> Refusal:
    """Refuse a call without ``Lambda-Extension-Identifier``."""
    return Refusal(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")


def invalid_identifier() -> Refusal:
    """Refuse an identifier that is not a UUID."""
    return Refusal(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")


def unknown_identifier(call: str, identifier: str) -> Refusal:
    """Refuse a UUID that was never given out."""
    message = f"Unknown extension {identifier}" if call == "next" else "Unknown Lambda-Extension-Identifier"
    return Refusal(403, "Extension.UnknownExtensionIdentifier", message)


def missing_error_type() -> Refusal:
    """Refuse ``init/error`` or ``exit/error`` without the type of the error."""
    return Refusal(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")


def _transition(state: str, target: str, subject: str) -> str:
    return f"State transition from {state} to {target} failed for {subject}. Error: State transition is not allowed"


def extension_state(state: str, target: str, who: str) -> Refusal:
    """Refuse a call that the extension's state does not allow; ``who`` is its name or UUID."""
    return Refusal(403, "Extension.InvalidExtensionState", _transition(state, target, f"extension {who}"))


def runtime_state(state: str, target: str) -> Refusal:
    """Refuse a call that the runtime's state does not allow."""
    return Refusal(403, "InvalidStateTransition", _transition(state, target, "runtime"))


def invalid_request_id() -> Refusal:
    """Refuse an answer to something other than the current invoke."""
    return Refusal(400, "InvalidRequestID", "Invalid request ID")


def invalid_response_mode() -> Refusal:
    """Refuse a response mode other than ``streaming``."""
    return Refusal(400, "InvalidFunctionResponseMode", "Invalid function response mode")


def too_large() -> Refusal:
    """Refuse a response over the limit."""
    return Refusal(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes).")


def truncated() -> Refusal:
    """Refuse a response that broke off."""
    return Refusal(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")


def internal_error() -> Refusal:
    """Refuse a call that comes while there is no environment to take it."""
    return Refusal(500, "InternalServerError", "Internal Server Error")
