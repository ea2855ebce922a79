#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of files for tests, with the troubles that servers have.

    serve-files.py FOLDER PORT-FILE LOG-FILE

Serves FOLDER on a free port of 127.0.0.1, which it writes to PORT-FILE, and ends with its standard
input.  LOG-FILE gets a line per request: path, and the Range that was asked for.  The first part of a
path says how the file is served:

    /whole/F        ranges, ETag
    /cut/N/F        every connection ends after N bytes
    /slow/F         50 kB at a time, 40 times a second
    /stall/N/F      nothing comes after N bytes
    /size/N/F       cut or filled up to N bytes
    /norange/F      ranges are ignored
    /bare/F         neither length nor ETag nor ranges
    /bare-size/N/F  the same, of N bytes
    /nomark/N/F     as cut, but no ETag
    /changing/N/F   as cut, another ETag each time
    /page/F         a web page instead
    /status/N/F     that status
    /to/F           to /whole/F
"""
import http.server
import os
import re
import sys
import threading
import time

folder, port_file, log_file = sys.argv[1:4]
log_lock = threading.Lock()
requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_rest):
        pass

    def fail(self, status):
        text = f"<html>{status}</html>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        global requests
        way, *rest = self.path.strip("/").split("/")
        name = rest.pop()
        number = int(rest[0]) if rest else 0
        wanted = self.headers.get("Range", "")
        with log_lock:
            requests += 1
            with open(log_file, "a", encoding="utf-8") as log:
                log.write(f"{self.path} {wanted}\n")
        if way == "status":
            return self.fail(number)
        if way == "to":
            self.send_response(302)
            self.send_header("Location", f"/whole/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            return self.fail(404)
        with open(path, "rb") as file:
            data = file.read()
        if way == "page":
            data = b"<html>Please log in</html>".ljust(len(data))
        if way in ("size", "bare-size"):
            data = data[:number].ljust(number, b"\0")
        self.give(way, number, data, wanted)
        return None

    def give(self, way, number, data, wanted):
        total, start = len(data), 0
        ranges = way not in ("norange", "bare", "bare-size")
        match = re.fullmatch(r"bytes=(\d+)-", wanted) if ranges else None
        if match and int(match[1]) >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if match:
            start = int(match[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if not way.startswith("bare"):
            self.send_header("Content-Length", str(total - start))
        if way == "changing":
            self.send_header("ETag", f'"{requests}"')
        elif way != "nomark" and not way.startswith("bare"):
            self.send_header("ETag", f'"{hash(data)}"')
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        body = data[start:]
        try:
            if way in ("cut", "nomark", "changing", "stall"):
                self.wfile.write(body[:number])
                self.wfile.flush()
                while way == "stall":
                    time.sleep(0.1)
                    self.connection.send(b"")
            elif way == "slow":
                for at in range(0, len(body), 50000):
                    self.wfile.write(body[at:at + 50000])
                    time.sleep(0.025)
            else:
                self.wfile.write(body)
        except OSError:
            pass  # the other side has had enough


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(port_file + ".new", "w", encoding="utf-8") as port:
    port.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
sys.stdin.read()
