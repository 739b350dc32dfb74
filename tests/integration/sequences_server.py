"""One server for scripted answers and for what comes of them: each scraper gets answer n of a target on its n-th
request; what the scrapers send on is kept as it comes.

Scrapers are told apart by their User-Agent, so that all of them can have the same targets and the same options.
A path is /SEQUENCE/TARGET and anything behind that.
"""
import asyncio
import collections
import gzip
import re
import resource
import socket
import struct
import threading
import time

TEXT = "text/plain; version=0.0.4"
STAMP = re.compile(rb"<<([TS])([+-]\d+)>>")
CONNECTIONS = 8192
# Nobody scrapes a target that often.
AGAIN_MS = 1000
TAKEN = b"HTTP/1.1 204 Taken\r\n" + b"".join(b"X-Prometheus-Remote-Write-%s-Written: 1\r\n" % what for what in
                                             (b"Samples", b"Histograms", b"Exemplars")) + b"\r\n"


class Answer:
    """What one request gets. body: bytes, or a function of the time in ms; <<T-500>> in bytes becomes the time less
    500 ms, <<S-500>> the same in seconds. how: page, reset (nothing but a reset), cut (half of the body, then the
    end), slow (never), chunked, garbage (no HTTP), redirect (to a path where `then` is answered)."""

    def __init__(self, body=b"", kind=TEXT, status=200, how="page", encoding=None, headers=(), then=None):
        self.body, self.kind, self.status, self.how = body, kind, status, how
        self.encoding, self.headers, self.then = encoding, headers, then

    def rendered(self, now_ms):
        if callable(self.body):
            return self.body(now_ms)

        def stamp(found):
            t = now_ms + int(found.group(2))
            return b"%d" % t if found.group(1) == b"T" else b"%d.%03d" % divmod(t, 1000)
        return STAMP.sub(stamp, self.body)

    def offsets(self):
        """The times that it may have, relative to the request."""
        if callable(self.body):
            return getattr(self.body, "offsets", ())
        return [int(offset) for _, offset in STAMP.findall(self.body)]


class Request:
    __slots__ = ("n", "t_ms", "line", "headers")

    def __init__(self, n, t_ms, line, headers):
        self.n, self.t_ms, self.line, self.headers = n, t_ms, line, headers


def with_encoding(answer, body):
    """(body, Content-Encoding)."""
    how = answer.encoding
    if how is None:
        return body, None
    packed = gzip.compress(body, 6, mtime=0)
    if how == "gzip":
        return packed, "gzip"
    if how == "gzip members":
        half = body.find(b"\n", len(body) // 2) + 1
        return gzip.compress(body[:half], mtime=0) + gzip.compress(body[half:], mtime=0), "gzip"
    if how == "gzip cut":
        return packed[:len(packed) // 2], "gzip"
    if how == "gzip bad sum":
        return packed[:-8] + bytes(4) + packed[-4:], "gzip"
    if how == "gzip not":
        return body, "gzip"
    if how == "gzip unnamed":
        return packed, None
    if how == "gzip tail":
        return packed + b"more", "gzip"
    return body, how  # another encoding's name


def page(answer, now_ms):
    body, encoding = with_encoding(answer, answer.rendered(now_ms))
    head = ["HTTP/1.1 %d Said so" % answer.status]
    if answer.kind is not None:
        head.append("Content-Type: " + answer.kind)
    if encoding:
        head.append("Content-Encoding: " + encoding)
    head += ["%s: %s" % header for header in answer.headers]
    if answer.how == "chunked":
        head.append("Transfer-Encoding: chunked")
        half = len(body) // 2
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
        body += b"0\r\n\r\n"
    else:
        head.append("Content-Length: %d" % len(body))
    return ("\r\n".join(head) + "\r\n\r\n").encode(), body


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server, self.data = server, b""

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data and not self.transport.is_closing():
            head, rest = self.data.split(b"\r\n\r\n", 1)
            lines = head.split(b"\r\n")
            headers = [tuple(part.strip() for part in line.split(b":", 1)) for line in lines[1:]]
            size = next((int(v) for k, v in headers if k.lower() == b"content-length"), 0)
            if len(rest) < size:
                return
            self.data = rest[size:]
            if lines[0].startswith(b"POST"):
                self.server.posts.append((lines[0].split(b" ")[1].decode(), headers, rest[:size]))
                self.transport.write(TAKEN)
            else:
                self.get(lines[0], headers)

    def get(self, line, headers):
        path = line.split(b" ")[1].split(b"?")[0].decode().split("/")
        key = tuple(path[1:3])
        agent = next((v.decode() for k, v in headers if k.lower() == b"user-agent"), "")
        now_ms = int(time.time() * 1000)
        answer = self.server.next(agent, key, "moved" in path)
        if answer is None:
            self.transport.write(b"HTTP/1.1 404 No such page\r\nContent-Length: 0\r\n\r\n")
            return
        if self.server.is_tried_again(agent, key, now_ms):
            self.reset()
            return
        self.server.note(agent, key, "moved" in path, Request(None, now_ms, line, headers))
        if answer.how == "reset":
            self.reset()
        elif answer.how == "garbage":
            self.transport.write(b"HTPP this is not\r\n\r\n")
            self.transport.close()
        elif answer.how == "redirect" and "moved" not in path:
            self.transport.write(b"HTTP/1.1 302 There\r\nLocation: /%s/%s/moved\r\nContent-Length: 0\r\n\r\n"
                                 % (path[1].encode(), path[2].encode()))
        elif answer.how != "slow":
            head, body = page(answer.then or answer, now_ms)
            if answer.how == "cut":
                self.transport.write(head + body[:len(body) // 2])
                self.transport.close()
            else:
                self.transport.write(head + body)

    def reset(self):
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server:
    """script: {(sequence, target): (answers, last answer)}. Afterwards requests: {(agent, key): [Request]}, and posts:
    [(path, headers, body)] in the order of arrival."""

    def __init__(self, script):
        self.script = script
        self.requests = collections.defaultdict(list)
        self.moved = collections.defaultdict(list)
        self.posts = []
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        want = CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, CONNECTIONS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(
            self.loop.create_server(lambda: Connection(self), "127.0.0.1", 0, backlog=2048))
        self.port = self.server.sockets[0].getsockname()[1]
        self.address = "127.0.0.1:%d" % self.port
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def next(self, agent, key, moved):
        if key not in self.script:
            return None
        answers, last = self.script[key]
        n = len(self.requests[agent, key]) - (1 if moved else 0)
        return answers[n] if n < len(answers) else last

    def is_tried_again(self, agent, key, now_ms):
        """A client may ask again at once when a connection that it had used before is reset."""
        got = self.requests[agent, key]
        if not got or now_ms - got[-1].t_ms >= AGAIN_MS:
            return False
        answers, last = self.script[key]
        return (answers[len(got) - 1] if len(got) <= len(answers) else last).how == "reset"

    def note(self, agent, key, moved, request):
        to = self.moved if moved else self.requests
        request.n = len(to[agent, key])
        to[agent, key].append(request)

    def agents(self):
        return sorted({agent for agent, _ in list(self.requests)})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.server.close()
