"""The start of the process: make the handled-file, register, poll, and only then import the rest."""

import posix
import time

from . import contract, log, rendezvous
from .api import ApiError, ExtensionsApi

# Each is tried if the platform refuses the one before, because an extension that does not register hangs the function.
# Managed Instances have no INVOKE events (AWS Lambda Developer Guide, "Lambda Managed Instances").
_SUBSCRIPTIONS: "tuple[list[str], ...]" = (["INVOKE", "SHUTDOWN"], ["SHUTDOWN"], [])


def main(executable: str) -> None:
    """Run the extension until the environment ends. ``executable`` is the path that Lambda started."""
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
    """Make the meeting place. Managed Instances have no invokes to hold, so only the ledgers need it there."""
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
    except Exception as fault:  # noqa: BLE001 - if the extension ends, Lambda ends the function
        rendezvous.remove_handled_file(directory)
        log.error(f"out of service in this environment, jobs run without it: {log.describe(fault)}")
        _only_take_events(api)


def _only_take_events(api: ExtensionsApi) -> None:
    """Take events until SHUTDOWN, because the platform expects it, and do nothing else."""
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
