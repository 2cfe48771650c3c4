"""Reads Dockerfiles with the official parser: a length in decimal and a line feed, then that many bytes, on standard input;
one line of JSON for each on standard output."""
import json
import sys

import dockerfile


def command(read):
    return {
        "keyword": read.cmd,
        "trigger": read.sub_cmd,
        "list": read.json,
        "first_line": read.start_line,
        "last_line": read.end_line,
        "flags": read.flags,
        "words": read.value,
        "heredocs": [[heredoc.name, heredoc.content] for heredoc in read.heredocs],
    }


def answer(text):
    try:
        return {"commands": [command(read) for read in dockerfile.parse_string(text)]}
    except dockerfile.GoParseError as error:
        return {"error": str(error)}
    except UnicodeDecodeError:
        return {"error": "it broke a character in two"}


while length := sys.stdin.buffer.readline():
    text = sys.stdin.buffer.read(int(length)).decode()
    sys.stdout.write(json.dumps(answer(text)) + "\n")
    sys.stdout.flush()
