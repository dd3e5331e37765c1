"""The templates for SAM and CDK, the image's function, and what the documents quote of them."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from lambda_punch import command
from lambda_punch.installer import staged
from lambda_punch.local import LocalLambda
from tests.packages import aws_cdk

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
SAM = EXAMPLES / "sam/template.yaml"
CDK = EXAMPLES / "cdk/app.py"
COMMAND = "lambda-punch layer --python 3.13 --arch arm64 -o layer.zip"
DOCUMENTS = ("README.md", "docs/install.md")

# What each file of the examples is exercised by; the linters read every file of Python as well.
EXERCISED = {
    "cdk/app.py": "examples/test_templates.py",
    "cdk/cdk.json": "examples/test_templates.py",
    "django/README.md": "examples/test_integrations.py",
    "django/app.py": "examples/test_integrations.py",
    "django/settings.py": "examples/test_integrations.py",
    "django/shop.py": "examples/test_integrations.py",
    "fastapi/README.md": "examples/test_integrations.py",
    "fastapi/app.py": "examples/test_integrations.py",
    "flask/README.md": "examples/test_integrations.py",
    "flask/app.py": "examples/test_integrations.py",
    "hello/README.md": "examples/test_templates.py",
    "hello/app.py": "examples/test_hello.py",
    "image/Dockerfile": "container/test_example_image.py",
    "image/app.py": "examples/test_templates.py",
    "jobs/Dockerfile": "examples/test_jobs.py",
    "jobs/README.md": "examples/test_jobs.py",
    "jobs/app.py": "examples/test_jobs.py",
    "jobs/cdk.json": "examples/test_jobs.py",
    "jobs/demo.py": "examples/test_jobs.py",
    "jobs/main.tf": "examples/test_jobs.py",
    "jobs/schedules.json": "examples/test_jobs.py",
    "jobs/stack.py": "examples/test_jobs.py",
    "jobs/template.yaml": "examples/test_jobs.py",
    "mcp/README.md": "examples/test_integrations.py",
    "mcp/app.py": "examples/test_integrations.py",
    "ruff.toml": "examples/test_templates.py",
    "sam/template.yaml": "examples/test_templates.py",
    "shop/README.md": "examples/test_templates.py",
    "shop/app.py": "examples/test_shop.py",
    "shop/demo.py": "examples/test_demo.py",
    "shop/events/get-order.json": "examples/test_events.py",
    "shop/events/post-order.json": "examples/test_events.py",
    "shop/mail.py": "examples/test_shop.py",
    "shop/orders.py": "examples/test_shop.py",
    "shop/page.py": "examples/test_demo.py",
    "shop/post.py": "examples/test_shop.py",
    "shop/report.py": "examples/test_demo.py",
    "shop/services.py": "examples/test_serve.py",
    "shop/telemetry.py": "examples/test_shop.py",
    "shop/traffic.py": "examples/test_events.py",
    "telemetry/README.md": "examples/test_integrations.py",
    "telemetry/app.py": "examples/test_integrations.py",
    "telemetry/collector.py": "examples/test_integrations.py",
}
MADE = {"__pycache__", ".ruff_cache", "layer.zip", "cdk.out"}


def lint(template: Path) -> subprocess.CompletedProcess[str]:
    """Run cfn-lint, which needs no network for it."""
    if find_spec("cfnlint") is None:
        pytest.skip("cfn-lint is not installed; it comes with the extra `test`")
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", code, str(template)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_sam_template() -> None:
    """cfn-lint has nothing to say against it, not even a warning."""
    said = lint(SAM)

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("ContentUri", "ContentUrl", "E3002"),
        ("!Ref LambdaPunchLayer", "!Ref Nothing", "E1020"),
        ("Handler:", "Main:", "E3002"),
    ],
)
def test_a_wrong_sam_template(tmp_path: Path, right: str, wrong: str, rule: str) -> None:
    """The same check finds a property that does not exist, and a layer that is nowhere."""
    (tmp_path / "template.yaml").write_text(SAM.read_text().replace(right, wrong))

    assert rule in lint(tmp_path / "template.yaml").stdout


def test_sam_template_and_command_agree() -> None:
    """Runtime and architecture are those that the command beside the layer's name builds for; the paths are there."""
    text = SAM.read_text()

    assert COMMAND in text
    assert re.findall(r"python[\d.]+", text) == ["python3.13"] * 2
    assert re.findall(r"Architectures: \[(.*)\]", text) == ["arm64"] * 2
    for place in re.findall(r"(?:CodeUri|DockerContext): (\S+)", text):
        assert (SAM.parent / place / "app.py").is_file()
    assert (SAM.parent / "../image/Dockerfile").is_file()


@pytest.fixture
def cdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stand-in for aws_cdk.aws_lambda that notes how it is called."""
    stand_in = MagicMock()
    monkeypatch.setitem(sys.modules, "aws_cdk", stand_in)
    monkeypatch.setitem(sys.modules, "aws_cdk.aws_lambda", stand_in.aws_lambda)
    yield stand_in.aws_lambda
    stand_in.App.return_value.synth.assert_called_once_with()


def test_cdk_app(cdk: Any) -> None:
    """The zip function gets the layer, both for the same Python and architecture; what it names is there."""
    runpy.run_path(str(CDK))

    layer, function = cdk.LayerVersion, cdk.Function.call_args.kwargs
    assert function["layers"] == [layer.return_value]
    assert layer.call_args.kwargs["compatible_runtimes"] == [function["runtime"]] == [cdk.Runtime.PYTHON_3_13]
    assert layer.call_args.kwargs["compatible_architectures"] == [function["architecture"]] == [cdk.Architecture.ARM_64]
    assert COMMAND in CDK.read_text()
    archive, code = (Path(call.args[0]) for call in cdk.Code.from_asset.call_args_list)
    assert archive == CDK.parent / "layer.zip"
    assert (code / f"{function['handler'].partition('.')[0]}.py").is_file()
    (image,) = cdk.DockerImageCode.from_image_asset.call_args.args
    assert (Path(image) / "Dockerfile").is_file()


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(300)
def test_cdk_app_synthesises(tmp_path: Path) -> None:
    """The command of cdk.json makes a template with the layer, two functions and their roles."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns(*MADE, "shop"))
    place = tmp_path / "examples/cdk"
    with zipfile.ZipFile(place / "layer.zip", "w") as layer:
        layer.writestr("extensions/lambda-punch", "")
    python, *arguments = json.loads((place / "cdk.json").read_text())["app"].split()
    assert python == "python3"

    subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env={**os.environ, "CDK_OUTDIR": str(tmp_path / "out"), "PYTHONPATH": str(aws_cdk())},
        check=True,
        capture_output=True,
    )

    resources = json.loads((tmp_path / "out/Hello.template.json").read_text())["Resources"]
    by_type: dict[str, list[Any]] = {}
    for resource in resources.values():
        by_type.setdefault(resource["Type"], []).append(resource["Properties"])
    assert {kind: len(found) for kind, found in by_type.items()} == {
        "AWS::IAM::Role": 2, "AWS::Lambda::Function": 2, "AWS::Lambda::LayerVersion": 1,
    }  # fmt: skip
    (layered,) = (found for found in by_type["AWS::Lambda::Function"] if "Layers" in found)
    assert (layered["Runtime"], layered["Architectures"], layered["Handler"]) == (
        "python3.13",
        ["arm64"],
        "app.handler",
    )


def test_cdk_command_names_the_app() -> None:
    """cdk.json starts the file that is beside it."""
    python, file = json.loads((EXAMPLES / "cdk/cdk.json").read_text())["app"].split()

    assert (python, EXAMPLES / "cdk" / file) == ("python3", CDK)


def test_the_function_of_the_image() -> None:
    """It answers with its first yield, and writes its line after the response."""
    with (
        staged() as extension,
        LocalLambda("app.handler", task_root=EXAMPLES / "image", extensions=[extension]) as function,
    ):
        assert function.invoke({}).json() == {"message": "Hello, world!"}
        function.wait_idle(timeout=5)

    assert [line for _, line in function.logs] == ["world has been greeted; this line was written after the response"]


def quoted(document: str) -> list[tuple[str, str]]:
    """Return each quotation of an example in a document, with the file that the text before it names last."""
    found, named = [], ""
    text = (REPOSITORY / document).read_text()
    for match in re.finditer(
        r"\((?:\.\./)?(examples/[\w/]+\.?\w+)\)|^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    ):
        if match[1]:
            named = match[1]
        elif match[2] in ("dockerfile", "yaml") or (match[2] == "python" and document != "README.md"):
            found.append((named or "examples/image/Dockerfile", match[3]))
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_documents_quote_stands_in_the_examples(document: str) -> None:
    """A snippet is a part of its file, letter for letter."""
    quotations = quoted(document)

    assert quotations
    for file, snippet in quotations:
        assert snippet in (REPOSITORY / file).read_text(), f"{document} quotes {file} differently:\n{snippet}"


def test_install_md_quotes_image_sam_and_cdk() -> None:
    """Each way to install is shown by its example."""
    assert {file for file, _ in quoted("docs/install.md")} == {
        "examples/image/Dockerfile", "examples/sam/template.yaml", "examples/cdk/app.py",
    }  # fmt: skip


@pytest.mark.parametrize("document", [*DOCUMENTS, "examples/hello/README.md", "examples/shop/README.md"])
def test_commands_in_documents_can_be_given(document: str) -> None:
    """Every line that starts with lambda-punch is understood by the command line, and names files that are there."""
    text = (REPOSITORY / document).read_text()
    commands = re.findall(
        r"^\s*(?:\.venv/bin/)?lambda-punch ((?:install|layer|local) .*?)(?:\s+#.*)?$", text, re.MULTILINE
    )

    assert commands
    for line in commands:
        given = line.split()
        command.parser_for(given).parse_args(given)
        if "--task-root" in given:
            assert (REPOSITORY / given[given.index("--task-root") + 1] / "app.py").is_file()


def test_every_example_is_exercised() -> None:
    """There is no file among the examples that no test uses."""
    files = [path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.is_file()]
    kept = {str(path) for path in files if not MADE & set(path.parts)}

    assert kept == set(EXERCISED)
    for test in set(EXERCISED.values()):
        assert (REPOSITORY / "tests" / test).is_file()


def test_the_linters_settings_for_the_examples() -> None:
    """examples/ruff.toml builds on the project's own settings, whose place it names."""
    (extended,) = re.findall(r'^extend = "(.*)"$', (EXAMPLES / "ruff.toml").read_text(), re.MULTILINE)

    assert (EXAMPLES / extended).resolve() == REPOSITORY / "pyproject.toml"
