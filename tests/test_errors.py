"""Every error that the library raises is in LambdaPunchError's tree, or in a short list with the reason."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
TREE = ("lambda_punch.errors", "LambdaPunchError")

PYTHON = "Python's own protocol asks for this class"
CAUGHT = "never leaves the package: a caller inside catches it"
A_JOB = "the failure of a job, a handler or an application; no caller of the library is there to catch it"
ANSWER = "becomes an answer over HTTP"
USAGE = "a wrong argument from a test's author"
WAIT = "a wait that the caller limited is over"
# By the file's name and the class, so that a file may move to another folder.
ALLOWED = {
    ("__init__.py", "AttributeError"): PYTHON,
    ("durable_backend.py", "NotImplementedError"): PYTHON,
    ("task_results.py", "ResultDoesNotExist"): "Django promises it to its own callers",
    ("presets.py", "ImportError"): "the package is a vendor's, and none of this package's extras installs it",
    ("drain.py", "TypeError"): A_JOB,
    ("perform.py", "TypeError"): A_JOB,
    ("lifespan.py", "RuntimeError"): A_JOB,
    ("flush.py", "RuntimeError"): A_JOB,
    ("perform.py", "TimeIsUp"): CAUGHT,
    ("message.py", "ValueError"): CAUGHT,
    ("waits.py", "ValueError"): CAUGHT,
    ("handled.py", "NoExtensionError"): CAUGHT,
    ("layer.py", "IsADirectoryError"): CAUGHT,
    ("layer.py", "NotADirectoryError"): CAUGHT,
    ("tree.py", "PermissionError"): CAUGHT,
    ("changes.py", "DeadlineError"): CAUGHT,
    ("zeromq.py", "FileNotFoundError"): CAUGHT,
    ("zeromq.py", "ValueError"): CAUGHT,
    ("zeromq.py", "OSError"): CAUGHT,
    ("arguments.py", "Unfit"): CAUGHT,
    ("carrier.py", "Unfit"): CAUGHT,
    ("containers.py", "Unfit"): CAUGHT,
    ("find.py", "Unfit"): CAUGHT,
    ("models.py", "Unfit"): CAUGHT,
    ("records.py", "Unfit"): CAUGHT,
    ("returned.py", "Unfit"): CAUGHT,
    ("unions.py", "Unfit"): CAUGHT,
    ("values.py", "Unfit"): CAUGHT,
    ("arguments.py", "UsageError"): CAUGHT,
    ("arguments.py", "ArgumentTypeError"): CAUGHT,
    ("cron.py", "CronError"): CAUGHT,
    ("schedules.py", "ValueError"): CAUGHT,
    ("cost.py", "ArgumentTypeError"): CAUGHT,
    ("send.py", "ArgumentTypeError"): CAUGHT,
    ("telemetry.py", "Refusal"): CAUGHT,
    ("telemetry_sender.py", "Refusal"): CAUGHT,
    ("session.py", "UsageError"): CAUGHT,
    ("template.py", "UsageError"): CAUGHT,
    ("session.py", "KeyboardInterrupt"): CAUGHT,
    ("containers.py", "LaunchError"): CAUGHT,
    ("processes.py", "LaunchError"): CAUGHT,
    ("link.py", "LinkLostError"): CAUGHT,
    ("guest.py", "EOFError"): CAUGHT,
    ("gateway.py", "TypeError"): CAUGHT,
    ("gateway.py", "ValueError"): CAUGHT,
    ("extensions_api.py", "Refusal"): ANSWER,
    ("runtime_api.py", "Refusal"): ANSWER,
    ("platform_server.py", "Refusal"): ANSWER,
    ("function.py", "ValueError"): USAGE,
    ("configuration.py", "ValueError"): USAGE,
    ("function.py", "TimeoutError"): WAIT,
    ("recording.py", "TimeoutError"): WAIT,
}

Name = tuple[str, str]  # a module, and what it calls something


class Module(NamedTuple):
    """One file of the library, as far as its errors go. It is read and not imported."""

    path: Path
    name: str
    tree: ast.Module
    classes: dict[str, list[ast.expr]]  # with their bases
    makers: dict[str, ast.expr]  # functions, with what they say they return
    imported: dict[str, Name]  # also what is imported within a function

    def meaning(self, expression: ast.expr) -> Name:
        """What an expression such as ``Error`` or ``errors.Error`` stands for."""
        if isinstance(expression, ast.Attribute):
            return ".".join(self.meaning(expression.value)), expression.attr
        name = ast.unparse(expression)
        if name in self.imported:
            return self.imported[name]
        is_own = name in self.classes or name in self.makers or not hasattr(builtins, name)
        return (self.name if is_own else "builtins"), name


def read(path: Path) -> Module:
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    parts = path.relative_to(ROOT).with_suffix("").parts
    imported: dict[str, Name] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            base = ".".join([*(parts[: -node.level] if node.level else ()), *filter(None, [node.module])])
            imported |= {alias.asname or alias.name: (base, alias.name) for alias in node.names}
    return Module(
        path,
        ".".join(parts).removesuffix(".__init__"),
        tree,
        {node.name: node.bases for node in nodes if isinstance(node, ast.ClassDef)},
        {node.name: node.returns for node in nodes if isinstance(node, ast.FunctionDef) and node.returns},
        imported,
    )


MODULES = {module.name: module for module in map(read, sorted((ROOT / "lambda_punch").rglob("*.py")))}


def is_ours(name: Name) -> bool:
    """Tell whether a class is in the tree."""
    module = MODULES.get(name[0])
    if name == TREE or module is None:
        return name == TREE
    return any(is_ours(module.meaning(base)) for base in module.classes.get(name[1], []))


def raised(module: Module) -> Iterator[tuple[int, Name]]:
    """Each class that a file raises, and the line. An error that was caught and is raised again has no class here."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Raise) or node.exc is None:
            continue
        is_call = isinstance(node.exc, ast.Call)
        home, name = module.meaning(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        there = MODULES.get(home)
        if is_call and there is not None and name in there.makers:
            yield node.lineno, there.meaning(there.makers[name])
        elif is_call or home == "builtins" or (there is not None and name in there.classes):
            yield node.lineno, (home, name)


def test_every_error_that_is_raised_is_in_the_tree_or_on_the_list() -> None:
    """And the list holds nothing that is not raised any more."""
    foreign = [
        (module.path.name, name, f"{module.path.relative_to(ROOT)}:{line} raises {name}")
        for module in MODULES.values()
        for line, (home, name) in raised(module)
        if not is_ours((home, name))
    ]

    assert [text for file, name, text in foreign if (file, name) not in ALLOWED] == []
    assert set(ALLOWED) - {(file, name) for file, name, _ in foreign} == set()


def test_the_drawing_of_the_tree_is_the_tree() -> None:
    """Each error in errors.py stands in the drawing at its head, under its parent, with the built-in error it also is."""
    drawn: list[tuple[str, str]] = []
    above: list[str] = []
    for line in (errors.__doc__ or "").partition("\n\n")[2].splitlines():
        found = re.match(r"([│├└─ ]*)(\w+)(?: \((\w+)\))?", line)
        assert found is not None
        above[len(found[1]) // 4 :] = [found[2]]
        drawn.append((found[2], " ".join(filter(None, [*above[-2:-1], found[3]]))))
    classes = {
        name: " ".join(base.__name__ for base in value.__bases__)
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.LambdaPunchError)
    }

    assert dict(drawn) == {**classes, "LambdaPunchError": "", "LocalLambdaError": "LambdaPunchError"}
