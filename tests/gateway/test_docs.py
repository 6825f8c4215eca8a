"""The documents name everything that works, and nothing that does not: commands, metrics, keys, links, targets."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connectors.slack.manifest import ASKING_EVENTS, ASKING_SCOPES, EVENTS, SCOPES
from gateway.cli import cli
from gateway.clock import now
from gateway.metrics import Metrics
from gateway.settings import CHANNEL_TYPES, Settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(group: click.Group, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", text("Makefile"), flags=re.MULTILINE))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("command", [*commands(cli, "onevoice")])
def test_every_command_is_in_the_operators_page(command: str) -> None:
    assert command in text("docs/operations.md")


def test_no_page_names_a_command_that_does_not_exist() -> None:
    known = set(commands(cli, "onevoice"))
    for page in PAGES:
        for line in re.findall(
            r"^\s*(onevoice [a-z]+.*)$|`(onevoice [a-z][^`]*)`", page.read_text("utf-8"), re.MULTILINE
        ):
            words = (line[0] or line[1]).split()
            assert " ".join(words[:2]) in known, f"{page.name}: {' '.join(words)}"


def test_every_metric_is_in_the_operators_page_with_its_labels() -> None:
    rows = dict(re.findall(r"^\| `(onevoice_\w+)` \| (.*?) \|", text("docs/operations.md"), flags=re.MULTILINE))
    metrics = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in Metrics(now).registry.collect()
        if family.name.startswith("onevoice_")
    }
    assert set(rows) == set(metrics)


def test_every_metric_of_an_alert_exists() -> None:
    known = dict(re.findall(r"^\| `(onevoice_\w+)` \| (.*?) \|", text("docs/operations.md"), flags=re.MULTILINE))
    named = set(re.findall(r"onevoice_[a-z_]+", text("docs/operations.md"))) - {"onevoice_"}

    assert {name.removesuffix("_bucket") for name in named} <= set(known)


def test_every_section_and_kind_of_channel_is_in_the_configuration_page() -> None:
    page = text("docs/configuration.md")

    assert [name for name in Settings.model_fields if f"\n## {name}\n" not in page] == []
    assert [name for name in CHANNEL_TYPES if f"\n### {name}\n" not in page] == []


def test_every_right_and_event_of_the_slack_app_is_explained() -> None:
    page = text("docs/channels.md")

    assert [name for name, why in SCOPES.items() if f"| `{name}` | {why} |" not in page] == []
    assert [name for name, why in EVENTS.items() if f"`{name}` ({why})" not in page] == []
    assert [name for name in (*ASKING_SCOPES, *ASKING_EVENTS) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


@pytest.mark.parametrize("name", ["README.md", "docs/dependencies.md"])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text(name), flags=re.MULTILINE))

    assert named
    assert named <= targets()


def test_every_file_the_architecture_names_exists() -> None:
    names = {each for each in CODE.findall(text("docs/architecture.md")) if re.fullmatch(r"[\w/]+\.(py|yaml)", each)}
    places = ["", *(f"connectors/{folder.name}/" for folder in (ROOT / "connectors").iterdir() if folder.is_dir())]

    assert names
    assert [name for name in names if not any((ROOT / place / name).is_file() for place in places)] == []


def test_every_function_the_architecture_names_is_in_the_code() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("*/*.py"), *ROOT.glob("*/*/*.py")])
    names = {
        each for each in CODE.findall(text("docs/architecture.md")) if re.fullmatch(r"[A-Za-z]+\.\w+|_\w+|to_\w+", each)
    }
    names = {each for each in names if not each.endswith((".py", ".yaml"))} - {"chat.postMessage"}

    assert len(names) > 20
    assert [name for name in sorted(names) if f"def {name.rpartition('.')[2]}(" not in code] == []


def test_the_test_command_of_the_readme_is_the_one_of_ci() -> None:
    assert "make test" in text("README.md")
    assert re.search(r"^check:.* test\b", text("Makefile"), flags=re.MULTILINE)
    assert "make --keep-going check" in text(".ci/run")
