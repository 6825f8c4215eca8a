"""Addresses of posts in Slack."""

from connectors.slack.links import link

SHOP = "https://shop.slack.com/"


def test_a_thread_is_linked_by_its_root() -> None:
    assert link(SHOP, "C01:1700000000.000100") == "https://shop.slack.com/archives/C01/p1700000000000100"


def test_a_post_in_a_thread_opens_there() -> None:
    address = link(SHOP, "C01:1700000009.000200", "C01:1700000000.000100")
    assert address == ("https://shop.slack.com/archives/C01/p1700000009000200?thread_ts=1700000000.000100&cid=C01")
    assert link(SHOP, "C01:1700000000.000100", "C01:1700000000.000100") == link(SHOP, "C01:1700000000.000100")


def test_nothing_is_linked_before_the_workspace_is_known() -> None:
    assert link("", "C01:1700000000.000100") == ""
    assert link(SHOP, "C01") == ""
