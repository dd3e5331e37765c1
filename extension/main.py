"""Wiring: make the handled-file, register, poll, and only then import the rest."""

import posix
import time

from . import contract, log, rendezvous
from .api import ApiError, ExtensionsApi

# Managed Instances have no INVOKE events (AWS Lambda Developer Guide, "Lambda Managed Instances"); asking for fewer
# events is also what is left to do when a platform refuses: an extension that does not register hangs the function.
_SUBSCRIPTIONS: "tuple[list[str], ...]" = (["INVOKE", "SHUTDOWN"], ["SHUTDOWN"], [])


def main(executable: str) -> None:
    """Be the extension; returns when the environment ends. ``executable`` is the path Lambda started."""
    directory = contract.rendezvous(
        log.environment("LAMBDA_PUNCH_DIR"), log.environment("AWS_LAMBDA_RUNTIME_API"), posix.getuid()
    )
    managed = log.environment("AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances"
    descriptor = _meet(directory, managed=managed)
    api = ExtensionsApi(log.environment("AWS_LAMBDA_RUNTIME_API"))
    if _register(api, executable.rpartition("/")[2], _SUBSCRIPTIONS[1:] if managed else _SUBSCRIPTIONS):
        api.ask_next()
        _work(api, directory, descriptor)


def _meet(directory: str, *, managed: bool) -> "int | None":
    """Make the meeting place; without a handled-file where there are no invokes to hold, for the ledgers alone."""
    try:
        if managed:
            rendezvous.make_directory(directory)
            return None
        return rendezvous.make_handled_file(directory)
    except (OSError, rendezvous.RendezvousError) as fault:
        log.error(f"the function runs without the extension: {log.describe(fault)}")
        return None


def _register(api: ExtensionsApi, name: str, subscriptions: "tuple[list[str], ...]") -> bool:
    for events in subscriptions:
        try:
            api.register(name, events)
        except (ApiError, OSError) as fault:
            log.error(f"could not register for {events}: {log.describe(fault)}")
            api.disconnect()
        else:
            return True
    return False


def _work(api: ExtensionsApi, directory: str, descriptor: "int | None") -> None:
    try:
        from . import loop

        loop.run(api, directory, descriptor)
        loop.end()
    except Exception as fault:  # noqa: BLE001 - an extension that ends takes the function with it
        rendezvous.remove_handled_file(directory)
        log.error(f"out of service in this environment, jobs run without it: {log.describe(fault)}")
        _only_take_events(api)


def _only_take_events(api: ExtensionsApi) -> None:
    """Poll for the platform's sake, looking for no more than the end."""
    while True:
        try:
            if b'"SHUTDOWN"' in api.receive_event():
                return
            api.ask_next()
        except (ApiError, OSError):
            time.sleep(1.0)
            api.disconnect()
            try:
                api.ask_next()
            except OSError:
                return
