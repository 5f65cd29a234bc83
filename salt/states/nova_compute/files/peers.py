#!/usr/bin/python3
"""rsync's way from one hypervisor to another, by TLS: peers to FOLDER PORT ADDRESS WORD...

nova-compute copies files of instances by rsync (remote_filesystem_transport), and rsync's environment
names this tool in the place of ssh (RSYNC_RSH). It leads to what listens on the other hypervisor:

    peers serve FOLDER PORT ADDRESS

which starts rsync there with these words, as its own account. Both sides show the certificate of
FOLDER, which hypervisors have together, by the region's authority; nobody else is let in, and nothing but rsync's server is started.
Its unit lets it write below nova's instances alone.
"""

import asyncio
import contextlib
import json
import shlex
import socket
import ssl
import struct
import sys
from pathlib import Path

NAME = "hypervisor_tls"  # what the certificate says whose it is
GREETING = 30  # seconds until both sides know each other and what is to be done
PIECE = 2**18  # bytes
LONGEST = 2**16  # bytes of the words to be run
# What the other hypervisor's rsync tells: by kind, what it prints, says, and how it ended.
FRAME = struct.Struct(">BI")
PRINTED, SAID, ENDED = range(3)


class Stranger(Exception):
    """Who is at the other end, or what it wants, is not what this is for."""


def trust(purpose, folder):
    """What a side of `purpose` (ssl.PROTOCOL_TLS_...) shows, and whom it believes."""
    context = ssl.SSLContext(purpose)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "authority.crt")
    context.load_cert_chain(folder / "hypervisor.certificate", folder / "hypervisor.key")
    return context


def demand_peer(writer):
    """Raise Stranger unless the other end is a hypervisor."""
    subject = dict(pair for part in writer.get_extra_info("peercert")["subject"] for pair in part)
    if subject.get("commonName") != NAME:
        raise Stranger(f"the certificate is of {subject.get('commonName')!r}, not of {NAME}")
    # A hypervisor that lost its power says nothing more: the kernel asks.
    plain = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def demand_rsync(words):
    """Raise Stranger unless `words` start the server of one copy."""
    texts = isinstance(words, list) and all(isinstance(word, str) for word in words)
    if not texts or words[:2] != ["rsync", "--server"] or "--daemon" in words:
        raise Stranger("it wants something else than rsync --server")


async def pump(source, target):
    """Carry bytes until there are no more; then end `target` where it is a pipe."""
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(PIECE):
            target.write(piece)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def frame(source, writer, kind):
    """Carry what a program prints as frames: their kind, their length, the bytes."""
    while piece := await source.read(PIECE):
        writer.write(FRAME.pack(kind, len(piece)) + piece)
        await writer.drain()


async def unframe(reader, shown):
    """Hand on what comes as frames, what is printed to `shown`; the exit status that ends them."""
    while True:
        kind, length = FRAME.unpack(await reader.readexactly(FRAME.size))
        if kind == ENDED:
            return length
        piece = await reader.readexactly(length)
        if kind == SAID:
            sys.stderr.buffer.write(piece)
            sys.stderr.buffer.flush()
        else:
            shown.write(piece)
            await shown.drain()


async def serve_one(reader, writer):
    """One copy for another hypervisor."""
    try:
        demand_peer(writer)
        words = json.loads(await asyncio.wait_for(reader.readline(), GREETING))
        demand_rsync(words)
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        child = await asyncio.create_subprocess_exec(*words, **pipes)
        coming = asyncio.create_task(pump(reader, child.stdin))
        try:
            await asyncio.gather(
                frame(child.stdout, writer, PRINTED), frame(child.stderr, writer, SAID)
            )
        finally:
            coming.cancel()
            child.stdin.close()  # where the other end is gone, it ends by that
        writer.write(FRAME.pack(ENDED, (await child.wait()) & 0xFF))
        await writer.drain()
    except (Stranger, ValueError, OSError, asyncio.TimeoutError) as error:
        whence = writer.get_extra_info("peername")[0]
        print(f"{whence}: {error or 'no word in time'}", file=sys.stderr, flush=True)
    finally:
        writer.close()


async def serve(folder, port, address):
    context = trust(ssl.PROTOCOL_TLS_SERVER, folder)
    server = await asyncio.start_server(
        serve_one, address, port, ssl=context, ssl_handshake_timeout=GREETING, limit=LONGEST
    )
    async with server:
        await server.serve_forever()


async def to(folder, port, address, words):
    """Be rsync's remote shell: its pipes lead to the server of `words` there; its exit status."""
    context = trust(ssl.PROTOCOL_TLS_CLIENT, folder)
    opening = asyncio.open_connection(address, port, ssl=context)
    reader, writer = await asyncio.wait_for(opening, GREETING)
    demand_peer(writer)
    # rsync escapes its words, as a shell is to read them.
    writer.write(json.dumps(shlex.split(" ".join(words))).encode() + b"\n")
    loop = asyncio.get_running_loop()
    typed = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(typed), sys.stdin.buffer)
    pipe = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    shown = asyncio.StreamWriter(*pipe, None, loop)
    going = asyncio.create_task(pump(typed, writer))
    try:
        return await unframe(reader, shown)
    except asyncio.IncompleteReadError:
        raise Stranger("it ended the connection: its journal has the reason") from None
    finally:
        going.cancel()
        writer.close()


def main():
    how, folder, port, address, *words = sys.argv[1:]
    more = [words] if how == "to" else []
    try:
        done = {"to": to, "serve": serve}[how](Path(folder), int(port), address, *more)
        sys.exit(asyncio.run(done))
    except (Stranger, OSError, asyncio.TimeoutError) as error:
        sys.exit(f"{address}: {error or 'no answer in time'}")


if __name__ == "__main__":
    main()
