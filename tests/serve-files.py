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
    /trickle/N/F    N bytes, then one each 0.2 seconds
    /silent/F       headers without end, one each 0.2 seconds
    /tags/N/F       N ETags of 60 kB before the last one
    /headers/F      headers without end
    /range/N/F      a range ends after N bytes
    /unasked/F      the file's second half, whatever was asked for
    /chunked/F      in chunks, and with a Content-Length that is a lie
    /length/TEXT/F  with the Content-Length TEXT
    /trailer/F      in chunks, and with an ETag after them
    /endless/N/F    that status, with a page that has no end
    /circle/F       to itself
    /away/N/F       to the address N of `elsewhere`
"""
import http.server
import os
import re
import sys
import threading
import time

elsewhere = ("file:///etc/passwd", "ftp://127.0.0.1/weights", "data:,weights", "http://[bad/weights",
             "ldap://127.0.0.1/\xff" + "x" * 50000)

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
        number = int(rest[0]) if rest and way != "length" else 0
        wanted = self.headers.get("Range", "")
        with log_lock:
            requests += 1
            with open(log_file, "a", encoding="utf-8") as log:
                log.write(f"{self.path} {wanted}\n")
        if way == "status":
            return self.fail(number)
        if way in ("to", "circle", "away"):
            self.send_response(302)
            self.send_header("Location", elsewhere[number] if way == "away" else
                             f"/circle/{name}" if way == "circle" else f"/whole/{name}")
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
        odd = getattr(self, "odd_" + way, None)
        if odd:
            self.close_connection = True
            try:
                odd(data, rest[0] if rest else "", wanted)
            except OSError:
                pass  # the other side has had enough
        else:
            self.give(way, number, data, wanted)
        return None

    def say(self, *lines):
        """Headers as they are, or a body."""
        for line in lines:
            self.wfile.write(line if isinstance(line, bytes) else (line + "\r\n").encode("latin-1"))
        self.wfile.flush()

    def odd_trickle(self, data, number, wanted):
        match = re.fullmatch(r"bytes=(\d+)-", wanted)
        start = int(match[1]) if match else 0
        self.say(f"HTTP/1.1 {206 if match else 200} OK", 'ETag: "t"', f"Content-Length: {len(data) - start}")
        if match:
            self.say(f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}")
        self.say("", data[start:start + int(number)])
        for at in range(start + int(number), len(data)):
            time.sleep(0.2)
            self.say(data[at:at + 1])

    def odd_tags(self, data, number, _wanted):
        self.say("HTTP/1.1 200 OK", f"Content-Length: {len(data)}")
        for i in range(int(number)):
            # Headers of an answer in between do not add up to what a client bears.
            self.say(f'ETag: "{i}{"x" * 60000}"', f'Last-Modified: {i}{"x" * 60000}')
        self.say('ETag: "last"', "", data)

    def odd_headers(self, _data, _number, _wanted):
        self.say("HTTP/1.1 200 OK")
        while True:
            self.say("X-More: " + "x" * 1000)

    def odd_silent(self, _data, _number, _wanted):
        self.say("HTTP/1.1 200 OK")
        while True:
            self.say("X-More: x")
            time.sleep(0.2)

    def odd_range(self, data, number, wanted):
        match = re.fullmatch(r"bytes=(\d+)-", wanted)
        start = int(match[1]) if match else 0
        end = min(start + int(number), len(data))
        if not match:
            self.say("HTTP/1.1 200 OK", 'ETag: "r"', f"Content-Length: {len(data)}", "", data[:end])
        else:
            self.say("HTTP/1.1 206 Partial", 'ETag: "r"', f"Content-Length: {end - start}",
                     f"Content-Range: bytes {start}-{end - 1}/{len(data)}", "", data[start:end])

    def odd_unasked(self, data, _number, _wanted):
        start = len(data) // 2
        self.say("HTTP/1.1 206 Partial", f"Content-Length: {len(data) - start}",
                 f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}", "", data[start:])

    def odd_chunked(self, data, _number, _wanted):
        self.say("HTTP/1.1 200 OK", "Content-Length: 7", "Transfer-Encoding: chunked", "")
        self.say(f"{len(data):x}", data, "", "0", "")

    def odd_trailer(self, data, _number, _wanted):
        self.say("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: ETag", "")
        self.say(f"{len(data):x}", data, "", "0", 'ETag: "late"', "Content-Range: bytes 5-6/7", "")

    def odd_length(self, data, text, _wanted):
        self.say("HTTP/1.1 200 OK", "Content-Length: " + text, "", data)

    def odd_endless(self, _data, number, _wanted):
        self.say(f"HTTP/1.1 {number} No", "")
        while True:
            self.say(b"x" * 10000)

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
