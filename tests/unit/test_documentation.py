"""What the documentation says is what the code does."""

import io
import json
import re
import shlex
import subprocess
from contextlib import redirect_stdout
from itertools import takewhile
from pathlib import Path

import pytest
from moto import mock_aws

from docs.tables import filled
from examples.sagemaker import METRICS
from fleetcast.command import PROGRAMS
from pipeline.command_line import parser as pipeline_parser
from pipeline.delete import parser as delete_parser
from pipeline.evaluate import parser as evaluate_parser
from pipeline.gate import parser as gate_parser
from pipeline.register import approve_parser
from pipeline.register import parser as register_parser
from processing.ingest import parser as ingest_parser
from processing.program import columns, parse
from serving.http.routes import MULTI_MODEL, OPENAPI, PLAIN, template
from serving.request.schema import as_request
from serving.variables import VARIABLES
from tests.rehearsal import KINDS, KINDS_OF_BOTO3
from train.engines import VARIABLES as TRAINING_VARIABLES
from train.figures import FIGURES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
REFERENCE = DOCS / "reference"
HOW_TO = DOCS / "how-to"
PARSERS = {
    "approve": approve_parser,
    "delete": delete_parser,
    "evaluate": evaluate_parser,
    "gate": gate_parser,
    "ingest": ingest_parser,
    "pipeline": pipeline_parser,
    "register": register_parser,
}
"""Of the programs with options besides `process`."""
VARIABLES_OF_OTHERS = {
    *("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_REGION"),
    *("LC_ALL", "LD_LIBRARY_PATH"),
    *("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"),
}
MODULES_WITHOUT_KIND = {"ray.scripts.scripts", "examples.housing.definition"}


def commands(page: Path) -> list[str]:
    """Return the commands of a page's console blocks, continued lines and quoted lines joined."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        found += [text.strip() for text in re.split(r"^\$ ", block, flags=re.MULTILINE) if text.strip()]
    return found


COMMANDS = [(page.stem, command) for page in PAGES for command in commands(page)]


def starting(*first: str) -> list[list[str]]:
    """Return the words of each documented command from the first that is one of `first` on."""
    split = [shlex.split(text.replace("\\\n", " ")) for _, text in COMMANDS]
    starts = [(words, [at for at, word in enumerate(words) if word in first]) for words in split]
    return [words[ats[0] :] for words, ats in starts if ats]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_table_from_the_code_is_up_to_date_or_make_docs_renews_it(page: Path) -> None:
    assert page.read_text() == filled(page.read_text())


def names(pattern: str, *pages: Path) -> set[str]:
    """Return what matches in the code spans of some pages, by default of all."""
    spans = [span for page in pages or PAGES for span in re.findall(r"`([^`\n]+)`", page.read_text())]
    return {name for span in spans for name in re.findall(pattern, span)}


def test_the_environment_variables_on_the_pages_are_those_that_the_programs_read() -> None:
    named = names(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")

    assert named - VARIABLES_OF_OTHERS == {variable.name for variable in (*VARIABLES, *TRAINING_VARIABLES)}


def test_the_routes_on_the_pages_are_those_of_the_server() -> None:
    named = names(r"^(?:GET|POST|PUT|DELETE) /[^ ?]*")
    declared = {f"{route.method} {template(route)}" for route in (*PLAIN, OPENAPI, *MULTI_MODEL)}

    assert {route.replace("…", "{name}") for route in named} == declared


def test_every_folder_and_file_of_the_project_that_a_page_names_exists() -> None:
    named = names(
        r"^(?:benchmarks|container|docs|examples|fleetcast|pipeline|processing|serving|tests|train)/[\w./-]*$"
    )

    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_options_of_process_on_its_page_are_those_of_the_program() -> None:
    page = (REFERENCE / "command-line.md").read_text()
    (section,) = re.findall(r"^## fleetcast process\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`(--[a-z-]+)", section))

    assert named == {f"--{name.replace('_', '-')}" for name in vars(parse([]))}


def test_the_metrics_of_the_examples_are_those_that_a_job_logs() -> None:
    assert list(METRICS) == [figure.name for figure in FIGURES]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "pages",
    [
        ("train-on-sagemaker", "multi-model-endpoint"),
        ("plain-serverless-async", "batch-transform"),
    ],
    ids=" and ".join,
)
def test_the_calls_to_sagemaker_are_calls_that_boto3_and_sagemaker_take(
    pages: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    blocks = [
        block
        for page in pages
        for block in re.findall(r"```python\n(.*?)```", (HOW_TO / f"{page}.md").read_text(), re.DOTALL)
    ]

    with mock_aws(), redirect_stdout(io.StringIO()):
        for block in blocks:
            exec(compile(block, "docs", "exec"), {})  # noqa: S102 -- the pages' own examples

    assert len(blocks) == len(pages)


@pytest.mark.parametrize("page", ["reference/python.md"])
def test_the_python_on_a_page_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)

    exec(compile(block, page, "exec"), {})  # noqa: S102 -- the page's own example

    assert capsys.readouterr().out.startswith("2026-01-01")


def test_every_make_command_has_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {words[1] for words in starting("make")}

    assert named - {".venv/ready"} <= targets
    assert {"demo", "image"} <= named


def test_every_program_and_option_of_a_command_exists() -> None:
    started = starting("fleetcast", ".venv/bin/fleetcast")
    runs = [words for words in started if len(words) > 1 and words[0] != "--name"]

    assert runs
    for _, program, *rest in (words for words in runs if not words[1].startswith("-")):
        options = list(takewhile(lambda word: word not in {">", "|"}, rest))
        assert program in PROGRAMS
        if program == "process":
            columns(parse(options))
        elif program in PARSERS:
            PARSERS[program]().parse_args(options)
        else:
            assert options == []


def test_every_curl_command_sends_a_request_that_is_accepted() -> None:
    bodies = [words[words.index("-d") + 1] for words in starting("curl") if "-d" in words]
    accepted = 0
    for body in bodies:
        if not body.startswith("{"):
            continue
        content = json.loads(body)
        for record in content.get("requests", [content]):
            if "url" not in record:
                as_request(json.dumps(record).encode())
                accepted += 1

    assert accepted >= 3


def test_every_example_for_sagemaker_is_one_that_the_clients_have() -> None:
    modules = [(words[1], words[2]) for words in starting("-m") if words[1] not in MODULES_WITHOUT_KIND]

    assert modules
    for module, kind in modules:
        assert (ROOT / f"{module.replace('.', '/')}.py").exists()
        assert kind in (KINDS_OF_BOTO3 if module.endswith("with_boto3") else KINDS)


@pytest.mark.parametrize("script", ["./build.sh", "examples/verify_on_aws.sh"])
def test_every_option_of_a_script_is_in_its_help(script: str) -> None:
    text = subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, check=True).stdout
    options = {word for words in starting(script) for word in words if word.startswith("--")}

    assert options
    assert options <= set(re.findall(r"--[a-z-]+", text))


def test_no_page_is_empty() -> None:
    short = [page.stem for page in PAGES if len(page.read_text().splitlines()) < 5]

    assert short == ["changelog"]
