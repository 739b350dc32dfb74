"""The agent where AWS runs it: an ECS task, an EC2 instance, EKS pods of both kinds.

The configuration is the workspace's URL and `sigv4: {}`; the environment is what AWS itself puts
there. All of AWS is the stand-in, at the addresses and, for pods, the host names that AWS has: in a
network of the test's own, whose certificates are the test's too. A proxy that is not there is in the
environment throughout: nothing of this may go through it.
"""
import os
import socket
import ssl
import subprocess
import threading

import harness as h
import namespace

HERE = "eu-west-1"
HOSTS = ("aps-workspaces.%s.amazonaws.com" % HERE, "sts.%s.amazonaws.com" % HERE)
ADDRESSES = ("169.254.170.2", "169.254.170.23", "169.254.169.254")
ADDRESSES_6 = ("fd00:ec2::23", "fd00:ec2::254")
CERTIFICATES = "/etc/ssl/certs"
ROLE = "arn:aws:iam::123456789012:role/path/ampagent-irsa"
WRITE = "/workspaces/%s/api/v1/remote_write" % h.WORKSPACE
NEAR, FAR = "http://127.0.0.1" + WRITE, "https://" + HOSTS[0] + WRITE
PAGE = b"# TYPE up_and_down gauge\nup_and_down 1\n"

missing = namespace.enter(namespace.NEW_MOUNTS | namespace.NEW_NETWORK
                          | (namespace.NEW_USERS if os.geteuid() != 0 else 0))
if missing:
    h.skip(missing)
namespace.add_addresses("lo", *ADDRESSES)
try:
    namespace.add_addresses("lo", *ADDRESSES_6)
    HAS_IPV6 = True
except OSError as e:
    HAS_IPV6 = False
    print("without IPv6: %s" % e)


# ---- AWS ----

class Aws(h.Process):
    """The stand-in at port 80 of every address. What it issues lives seconds, and works on a while:
    that a busy machine is late is no concern of this test."""

    def __init__(self, directory, name, *flags):
        super().__init__("aws-" + name, [h.AMPAGENT, "receive", "--aws", "--region=" + HERE,
                                         "--workspace=" + h.WORKSPACE, "--aws-key-lifetime=3s",
                                         "--web.listen-address=%s:80" % ("[::]" if HAS_IPV6 else "0.0.0.0")]
                         + list(flags), directory)
        h.wait_for(lambda: self.stats() is not None, 20, "AWS answers")
        h.get("http://127.0.0.1/switch?aws_grace_ms=60000", data=b"")

    def stats(self):
        return h.get_json("http://127.0.0.1/stats")

    def keys(self):
        return h.get_json("http://127.0.0.1/aws/keys")

    def series(self):
        return h.get("http://127.0.0.1/series?match=up_and_down").decode().splitlines()


def openssl(d, *args):
    subprocess.run(["openssl"] + list(args), cwd=d.path, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(d):
    """AWS's host names, by an authority that this machine trusts."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(d, "req", "-x509", *key, "-days", "2", "-subj", "/CN=the test's authority", "-keyout", "ca.key",
            "-out", "ca.pem")
    d.file("names", "subjectAltName=%s\n" % ",".join("DNS:" + name for name in HOSTS))
    openssl(d, "req", "-new", *key, "-subj", "/CN=aws", "-keyout", "aws.key", "-out", "aws.csr")
    openssl(d, "x509", "-req", "-in", "aws.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
            "2", "-extfile", "names", "-out", "aws.pem")


def pretend_to_be_aws(d):
    """This machine's hosts and authorities, in the mount namespace: False when that cannot be."""
    hosts = d.file("hosts", "127.0.0.1 localhost %s\n" % " ".join(HOSTS))
    try:
        make_certificates(d)
    except (OSError, subprocess.CalledProcessError):
        return False
    if not os.path.isdir(CERTIFICATES) or namespace.run("mount", "--bind", hosts, "/etc/hosts") != 0 \
            or namespace.run("mount", "-t", "tmpfs", "tmpfs", CERTIFICATES) != 0:
        return False
    with open(d.file("ca.pem")) as ca, open(os.path.join(CERTIFICATES, "ca-certificates.crt"), "w") as out:
        out.write(ca.read())
    return True


class Tls:
    """Port 443: TLS off, the rest to port 80 as it is."""

    def __init__(self, d):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(d.file("aws.pem"), d.file("aws.key"))
        self.names = set()
        self.context.sni_callback = lambda _, name, __: self.names.add(name)
        self.listener = socket.create_server(("127.0.0.1", 443))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        try:
            with self.context.wrap_socket(near, server_side=True) as inside, \
                    socket.create_connection(("127.0.0.1", 80)) as far:
                back = threading.Thread(target=self.pump, args=(far, inside), daemon=True)
                back.start()
                self.pump(inside, far)
                back.join(5)
        except OSError:
            pass

    @staticmethod
    def pump(source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


# ---- the agent ----

def config(pages, url):
    return ("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\n"
            "scrape_configs:\n- job_name: page\n  static_configs: [{targets: ['%s']}]\n"
            "remote_write:\n- url: %s\n  sigv4: {}\n  queue_config: {batch_send_deadline: 200ms}\n"
            % (pages.address, url))


def start(d, pages, name, url, **environment):
    """Only what is given here, of AWS's variables."""
    env = dict(AWS_EC2_METADATA_DISABLED=None, AWS_CONFIG_FILE=None, AWS_SHARED_CREDENTIALS_FILE=None, HOME=d.path,
               http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9", no_proxy=None, NO_PROXY=None,
               https_proxy=None, HTTPS_PROXY=None, all_proxy=None, ALL_PROXY=None)
    env.update(environment)
    return h.Agent(d, config(pages, url), name=name, env=env)


def labels(agent):
    """Of the metric that names the source of keys."""
    return [k for k in agent.metrics() if k.startswith("ampagent_aws_credentials_info{")]


def delivers(aws, agent, source, kind):
    """Samples arrive, signed by keys of that source; they rotate; the metric says where they are from."""
    h.wait_for(lambda: len(aws.series()) == 1, 30, "%s: samples arrive" % agent.name)
    h.wait_for(lambda: sum(k["writes"] > 0 for k in aws.keys()) >= 2, 40, "%s: keys rotate" % agent.name)
    keys, stats = aws.keys(), aws.stats()
    h.check({k["source"] for k in keys} == {source}, "%s: keys of %s" % (agent.name, {k["source"] for k in keys}))
    h.check(stats["answered_403"] == 0, "%s: no write was refused: %s" % (agent.name, stats["answers"]))
    h.check(stats["aws"]["at_once"] <= 1, "%s: one fetch at a time" % agent.name)
    info = labels(agent)
    h.check(len(info) == 1 and 'source="%s"' % kind in info[0], "%s: the metric says %s" % (agent.name, info))


def token_turns(aws, agent, d, file):
    """The token's file changes, as kubelet does it: the next fetch takes the new one."""
    before = len(aws.keys())
    d.file(file, "another-token")
    h.wait_for(lambda: len(aws.keys()) >= before + 2, 40, "%s: keys for the new token" % agent.name)
    refused = aws.stats()["aws"]["bad_requests"]
    h.check(refused <= 1, "%s: %d requests with an old token" % (agent.name, refused))


def ecs(d, pages):
    with Aws(d, "ecs") as aws, start(
            d, pages, "ecs", NEAR, AWS_EXECUTION_ENV="AWS_ECS_FARGATE",
            AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/credentials/aa0c9b72-7a5a-4b5d-9f2e-6a1a2f4d3c11",
            ECS_CONTAINER_METADATA_URI_V4="http://169.254.170.2/v4/0123456789abcdef-527074092") as agent:
        delivers(aws, agent, "ecs", "container")
        asked = aws.stats()["aws"]
        h.check(asked["region_asks"] >= 1, "the region is the task's")
        h.check(asked["metadata_tokens"] == 0, "a task does not ask the instance: %s" % asked)


def ec2(d, pages, name, **environment):
    with Aws(d, name, "--aws-role=my-instance-role") as aws, start(d, pages, name, NEAR, **environment) as agent:
        delivers(aws, agent, "imds", "instance")
        asked = aws.stats()["aws"]
        h.check(asked["region_asks"] >= 1 and asked["metadata_tokens"] >= 1, "the region is the instance's: %s" % asked)
        h.check("assumed-role/my-instance-role/i-" in aws.keys()[-1]["principal"], "the instance's role")


def ec2_hop_limit(d, pages):
    """In a container on the instance, one hop too far away; until somebody raises the limit."""
    with Aws(d, "hop-limit") as aws:
        h.get("http://127.0.0.1/switch?aws_hop_limit=1", data=b"")
        with start(d, pages, "hop-limit", NEAR) as agent:
            h.wait_for(lambda: "hop limit" in agent.log(), 30, "the log says what is wrong")
            h.check(aws.stats()["requests"] == 0, "nothing is sent")
            h.get("http://127.0.0.1/switch?aws_hop_limit=0", data=b"")
            delivers(aws, agent, "imds", "instance")


def irsa(d, pages, tls):
    d.file("web-token", "a-token")
    with Aws(d, "irsa", "--aws-web-token-file=" + d.file("web-token")) as aws, start(
            d, pages, "irsa", FAR, AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE=d.file("web-token"),
            AWS_REGION=HERE, AWS_DEFAULT_REGION=HERE, AWS_STS_REGIONAL_ENDPOINTS="regional") as agent:
        delivers(aws, agent, "web_identity", "web_identity")
        h.check(":assumed-role/ampagent-irsa/" in aws.keys()[-1]["principal"], "the pod's role: %s" % aws.keys()[-1])
        token_turns(aws, agent, d, "web-token")
        h.check(tls.names == set(HOSTS), "AWS's hosts were asked for: %s" % tls.names)


def pod_identity(d, pages, name, address):
    d.file("pod-token", "a-token")
    with Aws(d, name, "--aws-container-token-file=" + d.file("pod-token")) as aws, start(
            d, pages, name, FAR, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://%s/v1/credentials" % address,
            AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=d.file("pod-token"), AWS_REGION=HERE, AWS_DEFAULT_REGION=HERE,
            AWS_STS_REGIONAL_ENDPOINTS="regional") as agent:
        delivers(aws, agent, "pod_identity", "container")
        token_turns(aws, agent, d, "pod-token")


with h.Dir() as d, h.Pages({"/metrics": PAGE}) as pages:
    ecs(d, pages)
    ec2(d, pages, "ec2")
    ec2_hop_limit(d, pages)
    if HAS_IPV6:
        ec2(d, pages, "ec2-ipv6", AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="IPv6")
    if pretend_to_be_aws(d):
        irsa(d, pages, Tls(d))
        pod_identity(d, pages, "pod", "169.254.170.23")
        if HAS_IPV6:
            pod_identity(d, pages, "pod-ipv6", "[fd00:ec2::23]")
    else:
        print("without pods: no openssl, or /etc cannot be mounted over")
h.finish()
