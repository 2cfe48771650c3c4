"""Serves the repositories of a folder over HTTP by git's own backend, to one user who says a password.

Arguments: the folder of repositories, the port, the file that holds USER:PASSWORD. One line a request goes to standard error, without its headers.
"""

import base64
import http.server
import os
import subprocess
import sys

FOLDER, PORT, SECRET = sys.argv[1], int(sys.argv[2]), sys.argv[3]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def serve(self):
        with open(SECRET, "rb") as file:
            expected = b"Basic " + base64.b64encode(file.read().strip())
        if self.headers.get("Authorization", "").encode() != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": FOLDER,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "REMOTE_USER": "robot",
            "REMOTE_ADDR": self.client_address[0],
        }
        body = self.rfile.read(length)
        answer = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = [line.split(b": ", 1) for line in head.split(b"\r\n")]
        status = next((int(value.split()[0]) for name, value in headers if name == b"Status"), 200)
        self.send_response(status)
        for name, value in headers:
            if name != b"Status":
                self.send_header(name.decode(), value.decode())
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = serve


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
