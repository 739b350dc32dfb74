"""A remote-write endpoint that takes everything and keeps it: every sample of every request, bits and all.

It checks nothing, so that what two senders deliver can be compared without a receiver's opinion in between.
Its snappy and protobuf readers share no code with the program.
"""
import http.server
import struct
import threading

STALE = 0x7FF0000000000002


def uvarint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def snappy_decode(data):
    """The block format: literals and copies behind the length."""
    size, at = uvarint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            length = tag >> 2
            if length >= 60:
                n = length - 59
                length = int.from_bytes(data[at:at + n], "little")
                at += n
            out += data[at:at + length + 1]
            at += length + 1
            continue
        if kind == 1:
            length, offset = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | data[at]
            at += 1
        else:
            n = 2 if kind == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + n], "little")
            at += n
        if not 0 < offset <= len(out):
            raise ValueError("snappy: copy from before the start")
        start = len(out) - offset
        for i in range(0, length, offset):
            out += out[start:start + min(offset, length - i)]
    if len(out) != size:
        raise ValueError("snappy: %d bytes instead of %d" % (len(out), size))
    return bytes(out)


def fields(data):
    """(number, value) of each protobuf field: bytes for length-delimited ones, else an integer."""
    at = 0
    while at < len(data):
        key, at = uvarint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = uvarint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif kind == 2:
            size, at = uvarint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError("protobuf: wire type %d" % kind)
        yield key >> 3, value


def series_of(request):
    """(labels as a sorted tuple of pairs of bytes, [(time, bits)]) of each series of a WriteRequest."""
    for number, series in fields(request):
        if number != 1:
            continue
        labels, samples = [], []
        for field, value in fields(series):
            if field == 1:
                pair = dict(fields(value))
                labels.append((bytes(pair.get(1, b"")), bytes(pair.get(2, b""))))
            elif field == 2:
                sample = dict(fields(value))
                t = sample.get(2, 0)
                samples.append((t - (1 << 64) if t >> 63 else t, sample.get(1, 0)))
        yield tuple(labels), samples


class Recorder:
    """samples: {labels: [(time, bits)]}, in the order of arrival. Each sender has a path of its own."""

    def __init__(self):
        self.samples = {}
        self.errors = []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.take(self.path, body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a sender that is stopped

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, sender):
        return "http://127.0.0.1:%d/%s" % (self.port, sender)

    def take(self, path, body):
        try:
            got = list(series_of(snappy_decode(body)))
        except (ValueError, IndexError, struct.error) as e:
            self.errors.append("%s: %s" % (path, e))
            return
        with self.lock:
            mine = self.samples.setdefault(path[1:], {})
            for labels, samples in got:
                if list(labels) != sorted(set(labels)):
                    self.errors.append("%s: labels are not sorted: %s" % (path, labels))
                mine.setdefault(labels, []).extend(samples)

    def of(self, sender):
        with self.lock:
            return {labels: list(samples) for labels, samples in self.samples.get(sender, {}).items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
