"""`serve` and `check --online` as real processes against stand-ins."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import clock
from gateway.sandbox.telegram import TOKEN, TelegramStandIn

SHOP = """\
gateway: {database: "sqlite:///%(folder)s/onevoice.db", files: "%(folder)s/files", listen: "127.0.0.1:%(port)s"}
channels:
  - {id: desk, type: slack, bot_token: xoxb-1-nobody-may-see, app_token: xapp-1, api_url: "http://127.0.0.1:1/api/"}
agents:
  - {id: alice, name: Alice, slack: U0ALICE}
routes:
  - {id: default, desk: {channel: desk, slack: "#support"}}
"""


def shop(folder: Path, port: int = 0) -> Path:
    path = folder / "shop.yaml"
    path.write_text(SHOP % {"folder": folder, "port": port})
    return path


def serve(path: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "gateway", "serve", "--config", str(path)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A node that has said that it is ready."""
    with serve(shop(tmp_path)) as process:
        assert process.stderr is not None
        while json.loads(process.stderr.readline())["event"] != "gateway.ready":
            pass
        yield process
        process.kill()


def test_serve_ends_on_sigterm_with_0_and_logs_json(serving: "subprocess.Popen[str]") -> None:
    serving.send_signal(signal.SIGTERM)
    out, err = serving.communicate(timeout=60)
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert (serving.returncode, out) == (0, "")
    assert events[-1] == "gateway.stopped"
    assert "nobody-may-see" not in err


def test_db3_a_second_node_on_one_sqlite_file_is_refused(serving: "subprocess.Popen[str]", tmp_path: Path) -> None:
    with serve(tmp_path / "shop.yaml") as second:
        _, err = second.communicate(timeout=60)
    assert second.returncode == 3
    assert err == (
        f"gateway.database: {tmp_path}/onevoice.db.lock is locked: another onevoice process uses this database\n"
    )


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serve(shop(tmp_path, port)) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith(f"gateway.listen: 127.0.0.1:{port} cannot be used: ")


def test_a_taken_port_of_the_mail_door_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = shop(tmp_path)
        door = f"{{listen: 127.0.0.1:{port}, domains: [shop.example]}}"
        mail = f"  - {{id: mail, type: email, address: help@shop.example, smtp_listen: {door}}}\n"
        path.write_text(path.read_text().replace("channels:\n", f"channels:\n{mail}"))
        with serve(path) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    said = f"smtp_listen of channel mail: 127.0.0.1:{port} cannot be used: "
    assert err.splitlines()[-1].startswith(said), err


def test_files_that_can_be_kept_nowhere_are_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("not a folder")
    with serve(shop(tmp_path)) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == f"gateway.files: {tmp_path}/files is no folder this user can write to; name another\n"


async def test_check_online_tells_which_account_does_not_work(tmp_path: Path) -> None:
    stand_in = TelegramStandIn(clock.now)
    await stand_in.start()
    path = shop(tmp_path)
    good = f'  - {{id: tg, type: telegram, token: "{TOKEN}", api_url: "{stand_in.url}"}}\n'
    bad = f'  - {{id: other, type: telegram, token: "8:nobody-may-see", api_url: "{stand_in.url}"}}\n'
    path.write_text(path.read_text().replace("agents:", f"{good}{bad}agents:"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "check", "--online", "--config", str(path), stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    await stand_in.stop()
    desk, tg, other = out.decode().splitlines()[-3:]
    assert process.returncode == 1, err
    assert tg == "ok    tg: the account works"
    assert desk.startswith("bad   desk: ")
    assert other.startswith("bad   other: ")
    assert b"nobody-may-see" not in out + err


def test_json_of_check_online_names_every_account(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "gateway", "check", "--online", "--json", "--config", str(shop(tmp_path))]
    done = subprocess.run(words, capture_output=True, timeout=60, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["ok"] is False
    assert "desk" in found["accounts"]["desk"]
