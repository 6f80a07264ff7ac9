"""A TCP forwarder: lets containers reach one port of the loopback address, and nothing else of this machine."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK_BYTES = 65536
_READY_SECONDS = 10


@contextmanager
def forwarded(address: str, port: int) -> Iterator[int]:
    """Listen on `address`, pass each connection to 127.0.0.1:`port`, and yield the port that was given to us."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"forward-{port}", daemon=True)
    thread.start()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _relay(reader, writer, port)

    listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(relay, address, 0), loop)
    try:
        server = listening.result(_READY_SECONDS)
        yield server.sockets[0].getsockname()[1]
        loop.call_soon_threadsafe(server.close)
    finally:
        asyncio.run_coroutine_threadsafe(_cancel_the_rest(), loop).result(_READY_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_READY_SECONDS)
        loop.close()


async def _relay(near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter, port: int) -> None:
    try:
        far_in, far_out = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        near_out.close()
        return
    # One side hung up: the other has nobody left to talk to.
    pumps = [asyncio.ensure_future(_pump(near_in, far_out)), asyncio.ensure_future(_pump(far_in, near_out))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        near_out.close()
        far_out.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()


async def _cancel_the_rest() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
