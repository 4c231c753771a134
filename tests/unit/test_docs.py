"""What docs/ says is what the code does."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from scened.cli.main import commands
from scened.errors import ExitCode
from tests.command_docs import PAGE, every_command, page

REPOSITORY = Path(__file__).parents[2]
COMMANDS = every_command()
LIST_WIDTH = 60


def test_the_commands_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.command_docs`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert (command.epilog or "").startswith(f"Example: scened {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_lists_of_commands_show_whole_sentences(name: str) -> None:
    assert not COMMANDS[name].get_short_help_str(LIST_WIDTH).endswith("...")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    options = [each for each in COMMANDS[name].params if each.param_type_name == "option"]
    assert all(getattr(option, "help", None) for option in options)


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_the_readme_shows_every_command(name: str) -> None:
    assert f"scened {name}" in (REPOSITORY / "README.md").read_text("utf-8")


def test_the_exit_codes_page_lists_every_code() -> None:
    page_text = (REPOSITORY / "docs" / "exit-codes.md").read_text("utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page_text, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}


def test_every_schema_says_what_the_contract_gained() -> None:
    steps = {int(file.name[:4]) for file in (REPOSITORY / "migrations/versions").glob("0*.py")}
    page_text = (REPOSITORY / "docs" / "upgrading.md").read_text("utf-8")
    assert {int(schema) for schema in re.findall(r"^\| (\d+) \|", page_text, re.M)} == steps


def test_every_dependency_has_its_reason() -> None:
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    required = setup["options"]["install_requires"].split("\n")
    for extra in setup["options.extras_require"].values():
        required += extra.split("\n")
    names = {re.split(r"[<>=]", line)[0] for line in required if line}
    page_text = (REPOSITORY / "docs" / "dependencies.md").read_text("utf-8")
    assert {name for name in names if name not in page_text} == set()


def test_every_package_is_installed() -> None:
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    folders = {"scened": "daemon", "scened.models": "models", "scened.migrations": "migrations"}
    there = {
        ".".join((package, *init.parent.relative_to(REPOSITORY / folder).parts))
        for package, folder in folders.items()
        for init in (REPOSITORY / folder).rglob("__init__.py")
    }
    assert set(setup["options"]["packages"].split()) == there - {"scened.models.training"}


def test_every_dependency_is_pinned_to_a_range() -> None:
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    required = setup["options"]["install_requires"].split()
    for extra in setup["options.extras_require"].values():
        required += extra.split()
    assert [line for line in required if not re.search(r">=.+,<", line)] == []
