"""The receive loop against the stand-in: T1-T8, X1, X15."""

from pathlib import Path

from tests.connectors.telegram_bench import desk


async def test_a_message_arrives_and_its_update_is_confirmed(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench, bench.receiving():
        bench.telegram.say("Mei", "Where is my order?")
        [arrival] = await bench.ports.until(1)
        await bench.telegram.until(lambda: bench.telegram.pending == 0)

        assert arrival.inbound is not None
        assert arrival.inbound.address == "5001"


async def test_an_answer_reaches_the_customer(tmp_path: Path) -> None:
    async with desk(tmp_path) as bench:
        bench.telegram.say("Mei", "Where is my order?")
        outcome = await bench.connector.deliver(bench.delivery("5001", "On its way."))

        assert bench.telegram.heard("Mei") == ["On its way."], outcome
