"""The architecture, read from the imports: who may know whom.

Imports count wherever they stand: at the top, inside a function, for type checkers only, and as a module's name in a
string that is imported, or run with -m. There are no exceptions.
"""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("lambda_punch", "extension", "benchmarks")
ROOMS = ["lambda_punch", "extension", *sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "lambda_punch").rglob("*") if (path / "__init__.py").exists()
)]  # fmt: skip

# Row by row, lowest first: what stands at the top of the package may import from rows above its own only.
ROWS = [
    {"errors", "_contract"},
    {"_log", "_settings"},
    {"_events"},
    {"metrics", "local", "installer", "cdk"},
    {"runtime"},
    {"jobs"},
    {"__init__", "integrations", "testing", "command"},
    {"__main__"},
]
MODULE = re.compile(r"(lambda_punch|extension|benchmarks)(\.\w+)+\Z")


def files() -> dict[str, Path]:
    """Every module of the product by its full name; a package's ``__init__`` has that at its end."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "functions" not in path.parts:  # what the benchmarks measure: applications, as their users write them
                found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = path
    return found


FILES = files()


def resolve(name: str) -> str | None:
    """The module that a dotted name leads to: the longest part of it that is a file."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        for candidate in (".".join(parts[:end]), ".".join([*parts[:end], "__init__"])):
            if candidate in FILES:
                return candidate
    return None


def imports(module: str) -> set[str]:
    """The modules of the product that a module names, in whatever way."""
    return {found for name in named_by(module) if (found := resolve(name)) is not None and found != module}


def named_by(module: str) -> set[str]:
    """The full names, ours or not, that a module imports or has in a string."""
    here = module.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{prefix}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        found |= {text for text in in_strings(node) if MODULE.match(text)}
    return found


def in_strings(node: ast.AST) -> list[str]:
    """What a node names in a string: what a function imports by its name, or an interpreter runs with -m."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in ("import_module", "__import__", "find_spec", "run_module"):
            return [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [each.value if isinstance(each, ast.Constant) else None for each in node.elts]
        return [after for before, after in itertools.pairwise(values) if before == "-m" and isinstance(after, str)]
    return []


GRAPH = {module: imports(module) for module in FILES}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The ways that lead back to where they began, one for each set of nodes that form some."""
    found, done = [], set()

    def visit(node: str, way: list[str]) -> None:
        if node in way:
            found.append(way[way.index(node) :])
        elif node not in done:
            for target in sorted(graph.get(node, ())):
                visit(target, [*way, node])
            done.add(node)

    for node in sorted(graph):
        visit(node, [])
    return found


def room_of(module: str) -> str:
    """What a module is part of, as one sees it from outside: a file or folder at the package's top, or a package."""
    parts = module.split(".")
    return parts[0] if parts[0] != "lambda_punch" else ".".join(parts[:2])


def rooms() -> dict[str, set[str]]:
    """Who of the house knows whom."""
    found: dict[str, set[str]] = {room_of(module): set() for module in GRAPH}
    for module, targets in GRAPH.items():
        found[room_of(module)] |= {room_of(target) for target in targets} - {room_of(module)}
    return found


def test_no_file_is_in_a_circle() -> None:
    """Not one of two files, and not one that only type checkers see."""
    assert circles(GRAPH) == []


@pytest.mark.parametrize("room", ROOMS)
def test_the_rooms_inside_a_room_form_no_circle(room: str) -> None:
    """Folders, seen as a whole, know each other one way, too."""
    prefix = room.replace("/", ".") + "."
    inside: dict[str, set[str]] = {}
    for module, targets in GRAPH.items():
        if module.startswith(prefix):
            own = module.removeprefix(prefix).partition(".")[0]
            others = {target.removeprefix(prefix).partition(".")[0] for target in targets if target.startswith(prefix)}
            inside[own] = inside.get(own, set()) | (others - {own, "__init__"})

    assert circles(inside) == []


def test_imports_of_the_library_point_one_way() -> None:
    """What is at the top of the package imports from rows above its own only."""
    place = {name: number for number, row in enumerate(ROWS) for name in row}
    wrong = [
        f"{module} imports {target}"
        for module, targets in GRAPH.items()
        for target in targets
        if module.startswith("lambda_punch.") and target.startswith("lambda_punch.")
        if room_of(module) != room_of(target)
        if place[target.split(".")[1]] >= place[module.split(".")[1]]
    ]

    assert wrong == []


def test_the_house_has_few_floors_and_few_arrows() -> None:
    """Seven floors, and about fifty arrows between what stands beside each other at the top."""
    house = rooms()

    def floor(room: str) -> int:
        return 1 + max((floor(target) for target in house[room]), default=0)

    highest = max(house, key=floor)
    assert floor(highest) <= 7, highest
    assert sum(len(targets) for targets in house.values()) <= 55
    assert len([path for path in (ROOT / "lambda_punch").iterdir() if path.is_file()]) <= 9


def test_only_the_process_and_its_modes_assign_to_the_process() -> None:
    """Everyone else calls a method that says what changes."""
    assigned = re.compile(r"^\s*(?:\w+\.)*_?process\.\w+(?:\.\w+)*\s*(?::[^=]*)?=[^=]", re.MULTILINE)
    found = {
        module: assigned.findall(path.read_text())
        for module, path in FILES.items()
        if module
        not in ("lambda_punch.runtime.process", "lambda_punch.runtime.modes", "lambda_punch.runtime.rare_modes")
    }

    assert {module: lines for module, lines in found.items() if lines} == {}


def test_every_thread_of_the_library_is_born_in_one_place() -> None:
    """There it is guarded, and stands in the table."""
    born = re.compile(r"\bThread\(|\bTimer\(|start_new_thread\(|ThreadPoolExecutor\(")
    rooms_of_the_function = ("lambda_punch.runtime.", "lambda_punch.jobs.", "lambda_punch.integrations.")
    found = [
        module
        for module, path in FILES.items()
        if module.startswith(rooms_of_the_function) and born.search(path.read_text())
    ]

    assert found == ["lambda_punch.runtime.threads"]


def test_the_local_lambda_knows_nothing_of_the_product_but_its_errors() -> None:
    """It runs any function and any extension."""
    known = {
        target
        for module, targets in GRAPH.items()
        if module.startswith("lambda_punch.local.")
        for target in targets
        if not target.startswith("lambda_punch.local.")
    }

    assert known <= {"lambda_punch.errors"}


def test_no_module_but_the_one_for_aws_names_boto3() -> None:
    """It takes a third of a second to import; that is the one place where it is."""
    named = {
        module
        for module in FILES
        if any(name.split(".")[0] in ("boto3", "botocore") for name in named_by(module))
        if module.startswith("lambda_punch.")
        and not module.startswith(("lambda_punch.local.", "lambda_punch.command."))
    }

    assert named == {"lambda_punch.jobs.aws"}


def test_the_extension_knows_nothing_of_the_library() -> None:
    """It may come from a layer of another version, so it must stand alone."""
    names = {name for module in FILES if module.startswith("extension.") for name in named_by(module)}
    names |= set(re.findall(r"(?:from|import) (\w+)", (ROOT / "extension" / "lambda-punch").read_text()))

    assert [name for name in names if name.split(".")[0] == "lambda_punch"] == []


def test_only_one_file_on_each_side_names_zmq() -> None:
    """Trading ZeroMQ for something else would touch two files."""
    named = {
        module
        for module in FILES
        if not module.startswith("benchmarks.") and any(name.split(".")[0] == "zmq" for name in named_by(module))
    }

    assert named == {"lambda_punch.runtime.zeromq", "extension.zeromq"}
