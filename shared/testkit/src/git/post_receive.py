"""Posts each branch that a push changed to the host's webhook: payload, headers and signature as Gitea sends them.

Runs as a repository's post-receive hook. Like Gitea, it sends once and does not let a failed delivery fail the push; each
outcome is a line of the host's `deliveries` file. Arguments: the host's directory, the repository's name, its URL.
"""

import datetime
import hashlib
import hmac
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

ABSENT = "0" * 40
AT_MOST_COMMITS = 20


def git(*arguments):
    return subprocess.run(("git",) + arguments, check=True, capture_output=True, text=True).stdout


def commit(identity, url):
    name, email, timestamp, message = git("show", "-s", "--format=%an%n%ae%n%aI%n%B", identity).split("\n", 3)
    changes = {"A": [], "D": [], "M": []}
    for line in git("diff-tree", "--root", "--no-commit-id", "--no-renames", "--name-status", "-r", identity).splitlines():
        kind, path = line.split("\t", 1)
        changes.get(kind[0], changes["M"]).append(path)
    person = {"name": name, "email": email, "username": name}
    return {
        "id": identity,
        "message": message,
        "url": f"{url}/commit/{identity}",
        "author": person,
        "committer": person,
        "verification": None,
        "timestamp": timestamp,
        "added": changes["A"],
        "removed": changes["D"],
        "modified": changes["M"],
    }


def payload(name, url, before, after, reference):
    commits = []
    if after != ABSENT:
        new = [after] if before == ABSENT else [f"{before}..{after}"]
        listed = git("rev-list", f"--max-count={AT_MOST_COMMITS}", *new).split()
        commits = [commit(identity, url) for identity in listed]
    pusher = {"id": 1, "login": "developer", "username": "developer"}
    return {
        "ref": reference,
        "before": before,
        "after": after,
        "compare_url": f"{url}/compare/{before}...{after}",
        "commits": commits,
        "total_commits": len(commits),
        "head_commit": commits[0] if commits else None,
        "repository": {
            "id": 1,
            "name": name.rsplit("/", 1)[-1],
            "full_name": name,
            "html_url": url,
            "ssh_url": "",
            "clone_url": url,
            "default_branch": "main",
        },
        "pusher": pusher,
        "sender": pusher,
    }


def deliver(webhook, identity, body):
    secret = webhook["secret"].encode()
    sha1 = hmac.new(secret, body, hashlib.sha1).hexdigest()
    sha256 = hmac.new(secret, body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json"}
    for host in ("Gitea", "Gogs", "GitHub"):
        headers |= {f"X-{host}-Delivery": identity, f"X-{host}-Event": "push", f"X-{host}-Event-Type": "push"}
    headers |= {"X-Gitea-Signature": sha256, "X-Gogs-Signature": sha256}
    headers |= {"X-Hub-Signature": f"sha1={sha1}", "X-Hub-Signature-256": f"sha256={sha256}"}
    request = urllib.request.Request(webhook["url"], body, headers, method="POST")
    # A proxy of the environment is not for a receiver on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.read(1000).decode(errors="replace")
    except OSError as error:
        return None, str(error)


def main():
    directory, name, url = sys.argv[1:]
    try:
        with open(os.path.join(directory, "webhook.json"), encoding="utf-8") as file:
            webhook = json.load(file)
    except FileNotFoundError:
        return
    for line in sys.stdin:
        before, after, reference = line.split()
        if not reference.startswith("refs/heads/"):
            continue
        identity = str(uuid.uuid4())
        body = json.dumps(payload(name, url, before, after, reference), separators=(",", ":")).encode()
        status, error = deliver(webhook, identity, body)
        at = datetime.datetime.now(datetime.timezone.utc).isoformat()
        record = {"id": identity, "at": at, "repository": name, "ref": reference, "after": after}
        record |= {"status": status, "error": error}
        # One write of a line to a file opened for appending: pushes side by side do not mix.
        with open(os.path.join(directory, "deliveries"), "ab", buffering=0) as file:
            file.write(json.dumps(record).encode() + b"\n")
        if error is not None:
            print(f"webhook not delivered: {status} {error}")


main()
