"""`headrace links make`: what it refuses before it asks anybody."""

import pytest
from click.testing import CliRunner

from deploy.cli_links import links


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--property", "x"), "--property takes KEY=VALUE, not 'x'"),
        (("--property", " =x"), "--property takes KEY=VALUE"),
        (("--csv",), "the first line names the columns, recipient among them"),
        (("--expires-in", "soon"), "is no duration"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], complaint: str) -> None:
    done = CliRunner().invoke(links, ["make", "--source", "shop", *arguments], input="name\nAnn\n")
    assert done.exit_code != 0
    assert complaint in done.output
