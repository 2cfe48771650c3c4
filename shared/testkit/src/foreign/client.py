"""A NATS client that shares no code with the project: nats-py, and raw bytes on a socket.

Says one thing, prints what came of it as one line of JSON, and exits 0 also when the server refused. The body is standard input.
"""

import argparse
import asyncio
import base64
import json
import socket
import sys
import urllib.parse

import nats
import nats.errors
import nkeys


def refused(reason):
    return {"outcome": "refused", "reason": str(reason).removeprefix("nats: ")}


def answered(body):
    return {"outcome": "answered", "body": body.decode()}


async def with_library(options, body):
    violation = asyncio.get_running_loop().create_future()

    async def on_error(error):
        if not violation.done():
            violation.set_result(error)

    try:
        client = await nats.connect(
            options.url,
            nkeys_seed=options.seed,
            inbox_prefix=options.inbox_prefix,
            connect_timeout=options.timeout,
            allow_reconnect=False,
            # Its least: 0 would be for ever.
            max_reconnect_attempts=1,
            reconnect_time_wait=0.1,
            error_cb=on_error,
        )
    except (nats.errors.Error, OSError) as error:
        if "Authorization" in str(error):
            return refused(error)
        raise
    try:
        if options.verb == "send":
            await client.publish(options.subject, body)
            # The server answers in order: whatever it objects to comes before the answer to the ping. Twice, because the
            # library writes the first ping past what it still holds back, which may be the message.
            await client.flush(timeout=options.timeout)
            await client.flush(timeout=options.timeout)
            return refused(violation.result()) if violation.done() else {"outcome": "sent"}
        request = asyncio.ensure_future(client.request(options.subject, body, timeout=options.timeout))
        await asyncio.wait({request, violation}, return_when=asyncio.FIRST_COMPLETED)
        if not request.done():
            request.cancel()
            return refused(violation.result())
        try:
            return answered((await request).data)
        except nats.errors.NoRespondersError:
            return refused("no responders")
        except nats.errors.TimeoutError:
            return {"outcome": "silent"}
    finally:
        await client.close()


def with_bytes(options, body):
    """What the protocol's text says, and nothing a library adds; the reply subject may be anything."""
    url = urllib.parse.urlsplit(options.url)
    with socket.create_connection((url.hostname, url.port or 4222), timeout=options.timeout) as connection:
        lines = connection.makefile("rb")
        nonce = json.loads(lines.readline().removeprefix(b"INFO "))["nonce"]
        with open(options.seed, "rb") as file:
            pair = nkeys.from_seed(bytearray(file.read().strip()))
        signature = base64.urlsafe_b64encode(pair.sign(nonce.encode())).rstrip(b"=").decode()
        hello = {"verbose": False, "pedantic": False, "lang": "raw", "version": "0", "protocol": 1}
        hello |= {"nkey": pair.public_key.decode(), "sig": signature}
        reply = f" {options.reply}" if options.reply else ""
        command = f"CONNECT {json.dumps(hello)}\r\nPUB {options.subject}{reply} {len(body)}\r\n".encode()
        connection.sendall(command + body + b"\r\nPING\r\n")
        reason = None
        for line in lines:
            if line.startswith(b"-ERR"):
                reason = line[4:].decode().strip().strip("'")
            elif line.startswith(b"PONG"):
                break
            elif line.startswith(b"PING"):
                connection.sendall(b"PONG\r\n")
        else:
            reason = reason or "the server closed the connection"
        return refused(reason) if reason else {"outcome": "sent"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["send", "request", "raw"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--subject", required=True)
    parser.add_argument("--inbox-prefix", default="_INBOX")
    parser.add_argument("--reply", default="")
    parser.add_argument("--timeout", type=float, required=True)
    options = parser.parse_args()
    body = sys.stdin.buffer.read()
    try:
        outcome = with_bytes(options, body) if options.verb == "raw" else asyncio.run(with_library(options, body))
    except Exception as error:
        sys.exit(f"{options.url}: {type(error).__name__}: {error}")
    print(json.dumps(outcome))


main()
